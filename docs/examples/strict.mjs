// Publishes a post with a strictly signed call (RFC 9421) and prints its id: node strict.mjs TITLE TEXT
import { createHash, createHmac, randomBytes } from 'node:crypto'

const { BLOG_URL, BLOG_PUBLIC: publicKey, BLOG_SECRET: secret } = process.env
const [title, text] = process.argv.slice(2)
const fail = (words) => { console.error(words); process.exit(1) }
if (!BLOG_URL || !publicKey || !secret || !text) fail('Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text.')
const url = new URL(BLOG_URL)

const escape = (s) => s.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])
const member = (name, value) => `<member><name>${name}</name><value><string>${escape(value)}</string></value></member>`
const body = `<?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params>
<param><value><int>1</int></value></param><param><value><string></string></value></param><param><value><string></string></value></param><param><value><struct>
${member('post_title', title)}${member('post_content', text)}${member('post_status', 'publish')}
</struct></value></param></params></methodCall>`

const headers = {
  'Content-Type': 'text/xml',
  'Content-Digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}
const covered = [
  ['@method', 'POST'], ['@authority', url.host], ['@path', url.pathname], ['@query', url.search || '?'],
  ['content-type', headers['Content-Type']], ['content-digest', headers['Content-Digest']]
]
const params = `(${covered.map(([name]) => `"${name}"`).join(' ')});created=${Math.floor(Date.now() / 1000)}` +
  `;keyid="${publicKey}";alg="hmac-sha256";nonce="${randomBytes(18).toString('base64url')}";tag="quillgate"`
const base = covered.map(([name, value]) => `"${name}": ${value}\n`).join('') + `"@signature-params": ${params}`
headers['Signature-Input'] = `sig=${params}`
headers.Signature = `sig=:${createHmac('sha256', secret).update(base).digest('base64')}:`

const response = await fetch(url, { method: 'POST', headers, body }).catch((error) => fail(`${BLOG_URL}: ${error.cause?.message ?? error}`))
const answer = await response.text()
const id = answer.includes('<fault>') ? null : answer.match(/<string>(\d+)<\/string>/)
if (!id) fail(`${BLOG_URL}: ${answer.match(/faultString<\/name>\s*<value><string>([^<]*)/)?.[1] ?? response.statusText}`)
console.log(id[1])
