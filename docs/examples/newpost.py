"""Publishes a post with a signed call and prints its id: newpost.py TITLE TEXT"""
import hashlib, os, sys, xmlrpc.client

try:
    URL, PUBLIC, SECRET = (os.environ[name] for name in ("BLOG_URL", "BLOG_PUBLIC", "BLOG_SECRET"))
    title, text = sys.argv[1:]
except (KeyError, ValueError):
    sys.exit("Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text.")
Plain = xmlrpc.client.SafeTransport if URL.startswith("https:") else xmlrpc.client.Transport


class Signing(Plain):
    """Adds the digest of the body, exactly as it is sent."""

    def send_content(self, connection, body):
        inner = hashlib.sha256(SECRET.encode() + body).hexdigest()
        outer = hashlib.sha256((SECRET + inner).encode()).hexdigest()
        connection.putheader("Authorization", f"{PUBLIC}||{outer}")
        super().send_content(connection, body)


blog = xmlrpc.client.ServerProxy(URL, transport=Signing())
post = {"post_title": title, "post_content": text, "post_status": "publish"}
try:
    print(blog.wp.newPost(1, "", "", post))  # user name and password stay empty
except Exception as error:
    sys.exit(f"{URL}: {getattr(error, 'faultString', error)}")
