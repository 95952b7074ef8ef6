"""Publishes a post with a strictly signed call (RFC 9421) and prints its id: strict.py TITLE TEXT"""
import base64, hashlib, hmac, os, secrets, sys, time, xmlrpc.client
from urllib.parse import urlsplit

try:
    URL, PUBLIC, SECRET = (os.environ[name] for name in ("BLOG_URL", "BLOG_PUBLIC", "BLOG_SECRET"))
    title, text = sys.argv[1:]
except (KeyError, ValueError):
    sys.exit("Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text.")
Plain = xmlrpc.client.SafeTransport if URL.startswith("https:") else xmlrpc.client.Transport


class Signing(Plain):
    """Signs method, address, type and body, for this one time."""

    def send_content(self, connection, body):
        url = urlsplit(URL)
        digest = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
        covered = {"@method": "POST", "@authority": url.netloc.lower(), "@path": url.path or "/",
                   "@query": "?" + url.query, "content-type": "text/xml", "content-digest": digest}
        params = "(" + " ".join(f'"{name}"' for name in covered) + ")"
        params += f';created={int(time.time())};keyid="{PUBLIC}";alg="hmac-sha256"'
        params += f';nonce="{secrets.token_urlsafe(18)}";tag="quillgate"'
        base = "".join(f'"{name}": {value}\n' for name, value in covered.items())
        base += f'"@signature-params": {params}'
        mac = base64.b64encode(hmac.digest(SECRET.encode(), base.encode(), "sha256")).decode()
        connection.putheader("Content-Digest", digest)
        connection.putheader("Signature-Input", "sig=" + params)
        connection.putheader("Signature", f"sig=:{mac}:")
        super().send_content(connection, body)  # which sets Content-Type: text/xml


blog = xmlrpc.client.ServerProxy(URL, transport=Signing())
post = {"post_title": title, "post_content": text, "post_status": "publish"}
try:
    print(blog.wp.newPost(1, "", "", post))  # user name and password stay empty
except Exception as error:
    sys.exit(f"{URL}: {getattr(error, 'faultString', error)}")
