#!/bin/sh
# Publishes a post with a signed call and prints its id: newpost.sh TITLE TEXT
set -eu
if [ $# != 2 ] || [ -z "${BLOG_URL:-}" ] || [ -z "${BLOG_PUBLIC:-}" ] || [ -z "${BLOG_SECRET:-}" ]; then
	echo "Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text." >&2
	exit 1
fi
escape() { printf %s "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }
sha256() { openssl dgst -sha256 -r | cut -c1-64; }

# The body goes through a file, because the digest covers each of its bytes, and $(…) would drop the last newline.
body=$(mktemp)
trap 'rm -f "$body"' EXIT
cat >"$body" <<XML
<?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params>
<param><value><int>1</int></value></param><param><value><string></string></value></param><param><value><string></string></value></param><param><value><struct>
<member><name>post_title</name><value><string>$(escape "$1")</string></value></member>
<member><name>post_content</name><value><string>$(escape "$2")</string></value></member>
<member><name>post_status</name><value><string>publish</string></value></member>
</struct></value></param></params></methodCall>
XML

inner=$({ printf %s "$BLOG_SECRET"; cat "$body"; } | sha256)
digest=$(printf %s "$BLOG_SECRET$inner" | sha256)
answer=$(printf 'header = "Authorization: %s||%s"' "$BLOG_PUBLIC" "$digest" |
	curl --silent --show-error --config - --header 'Content-Type: text/xml' --data-binary "@$body" "$BLOG_URL")
printf '%s' "$answer" | sed -n '/<fault>/d; s|.*<string>\([0-9]*\)</string>.*|\1|p' | grep . ||
	{ echo "$BLOG_URL: $(printf %s "$answer" | tr -d '\n' | sed 's|.*faultString</name> *<value><string>||; s|<.*||')" >&2; exit 1; }
