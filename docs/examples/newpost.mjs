// Publishes a post with a signed call and prints its id: node newpost.mjs TITLE TEXT
import { createHash } from 'node:crypto'

const { BLOG_URL: url, BLOG_PUBLIC: publicKey, BLOG_SECRET: secret } = process.env
const [title, text] = process.argv.slice(2)
const fail = (words) => { console.error(words); process.exit(1) }
if (!url || !publicKey || !secret || !text) fail('Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text.')

const sha256 = (s) => createHash('sha256').update(s).digest('hex')
const escape = (s) => s.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])
const member = (name, value) => `<member><name>${name}</name><value><string>${escape(value)}</string></value></member>`

const body = `<?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params>
<param><value><int>1</int></value></param><param><value><string></string></value></param><param><value><string></string></value></param><param><value><struct>
${member('post_title', title)}${member('post_content', text)}${member('post_status', 'publish')}
</struct></value></param></params></methodCall>`

const response = await fetch(url, {
  method: 'POST',
  headers: { 'Content-Type': 'text/xml', Authorization: `${publicKey}||${sha256(secret + sha256(secret + body))}` },
  body
}).catch((error) => fail(`${url}: ${error.cause?.message ?? error}`))
const answer = await response.text()
const id = answer.includes('<fault>') ? null : answer.match(/<string>(\d+)<\/string>/)
if (!id) fail(`${url}: ${answer.match(/faultString<\/name>\s*<value><string>([^<]*)/)?.[1] ?? response.statusText}`)
console.log(id[1])
