#!/usr/bin/env python3
"""Publishes, edits, lists and deletes posts with Python's xmlrpc.client.

Reads from the environment: QG_URL, QG_IMAGE (a PNG file), and either QG_PUBLIC and QG_SECRET (signed calls) or QG_USER
and QG_PASSWORD. Standard library only. The last line is "ok" when everything was as it should be.
"""
import datetime, hashlib, os, sys, urllib.request, xmlrpc.client

URL = os.environ["QG_URL"]
PUBLIC, SECRET = os.environ.get("QG_PUBLIC"), os.environ.get("QG_SECRET")
USER, PASSWORD = ("", "") if PUBLIC else (os.environ["QG_USER"], os.environ["QG_PASSWORD"])


class Transport(xmlrpc.client.Transport):
    """Signs the body of each call, and keeps the headers of the last answer."""
    deprecated = None

    def send_content(self, connection, body):
        if PUBLIC:
            inner = hashlib.sha256(SECRET.encode() + body).hexdigest()
            outer = hashlib.sha256((SECRET + inner).encode()).hexdigest()
            connection.putheader("Authorization", PUBLIC + "||" + outer)
        super().send_content(connection, body)

    def parse_response(self, response):
        self.deprecated = response.getheader("X-Deprecated")
        return super().parse_response(response)


def check(what, got, want):
    if got != want:
        sys.exit("%s: got %r, want %r" % (what, got, want))


def main():
    transport = Transport()
    s = xmlrpc.client.ServerProxy(URL, transport=transport, use_builtin_types=True, allow_none=True)
    check("greeting", s.demo.sayHello(), "Hello!")
    blogs = s.wp.getUsersBlogs(USER, PASSWORD)
    check("number of blogs", len(blogs), 1)
    check("warned of the password", bool(transport.deprecated), not PUBLIC and not os.environ.get("QG_SIGNER"))
    check("endpoint", blogs[0]["xmlrpc"], URL)

    picture = open(os.environ["QG_IMAGE"], "rb").read()
    media = s.wp.uploadFile(1, USER, PASSWORD, {"name": "bild ü.png", "type": "image/png", "bits": picture})
    with urllib.request.urlopen(media["url"]) as r:
        check("picture as fetched", r.read() == picture, True)

    title = "Grüße, 世界 \U0001F680 & <b>more</b>"
    when = datetime.datetime(2024, 2, 29, 13, 14, 15)
    tags = ["Käse", "日本"]
    post = s.wp.newPost(1, USER, PASSWORD, {
        "post_type": "post", "post_status": "publish", "post_title": title, "post_date": when,
        "post_content": "Line one\n<p>Second &amp; \"third\" – ✓</p>", "post_thumbnail": media["id"],
        "terms_names": {"post_tag": tags}, "custom_fields": [{"key": "mood", "value": "très content"}]})
    check("type of the id", type(post), str)
    got = s.wp.getPost(1, USER, PASSWORD, post)
    check("title", got["post_title"], title)
    check("date", got["post_date"], when)
    check("tags", sorted(t["name"] for t in got["terms"] if t["taxonomy"] == "post_tag"), sorted(tags))
    check("picture", got["post_thumbnail"]["attachment_id"], media["id"])
    check("custom field", [(f["key"], f["value"]) for f in got["custom_fields"]], [("mood", "très content")])
    with urllib.request.urlopen(got["link"]) as r:
        check("page at the permalink", r.status, 200)

    check("edit", s.wp.editPost(1, USER, PASSWORD, post, {"post_title": "Edited ✎", "post_excerpt": "short"}), True)
    listed = s.wp.getPosts(1, USER, PASSWORD, {"number": 5, "s": "Edited"}, ["post_id", "post_title"])
    check("listed", [(p["post_id"], p["post_title"]) for p in listed], [(post, "Edited ✎")])

    other = s.metaWeblog.newPost("1", USER, PASSWORD, {"title": "By MetaWeblog", "description": "ein\nzwei", "mt_keywords": "a, b"}, True)
    check("description", s.metaWeblog.getPost(other, USER, PASSWORD)["description"], "ein\nzwei")
    recent = [p["postid"] for p in s.metaWeblog.getRecentPosts("1", USER, PASSWORD, 5)]
    check("recent", other in recent, True)
    many = xmlrpc.client.MultiCall(s)
    many.wp.getPost(1, USER, PASSWORD, post, ["post_title"])
    many.metaWeblog.getCategories(1, USER, PASSWORD)
    check("multicall", list(many())[0]["post_title"], "Edited ✎")

    check("delete", s.metaWeblog.deletePost("", other, USER, PASSWORD, True), True)
    check("trash", s.wp.deletePost(1, USER, PASSWORD, post), True)
    check("trashed", s.wp.getPost(1, USER, PASSWORD, post, ["post_status"])["post_status"], "trash")
    check("delete for good", s.wp.deletePost(1, USER, PASSWORD, post), True)
    try:
        s.wp.deletePost(1, USER, PASSWORD, post)
        sys.exit("a deleted post was deleted again")
    except xmlrpc.client.Fault as f:
        check("fault of a deleted post", f.faultCode, 404)
    if not PUBLIC:
        try:
            s.wp.getProfile(1, USER, PASSWORD + "x")
            sys.exit("a wrong password was taken")
        except xmlrpc.client.Fault as f:
            check("fault of a wrong password", f.faultCode, 403)
    print("ok")


main()
