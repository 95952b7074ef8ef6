"""Publishes a post with a signed call and prints its id: newpost.py TITLE TEXT"""
import hashlib, os, sys, xmlrpc.client

URL, PUBLIC, SECRET = (os.environ[name] for name in ("BLOG_URL", "BLOG_PUBLIC", "BLOG_SECRET"))
Plain = xmlrpc.client.SafeTransport if URL.startswith("https:") else xmlrpc.client.Transport


class Signing(Plain):
    """Adds the digest of the body, exactly as it is sent."""

    def send_content(self, connection, body):
        inner = hashlib.sha256(SECRET.encode() + body).hexdigest()
        outer = hashlib.sha256((SECRET + inner).encode()).hexdigest()
        connection.putheader("Authorization", f"{PUBLIC}||{outer}")
        super().send_content(connection, body)


blog = xmlrpc.client.ServerProxy(URL, transport=Signing())
post = {"post_title": sys.argv[1], "post_content": sys.argv[2], "post_status": "publish"}
print(blog.wp.newPost(1, "", "", post))  # user name and password stay empty
