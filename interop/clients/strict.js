// Signs a call with the library http-message-signatures and checks the signed answer with it.
'use strict'
const { httpbis, createSigner, createVerifier } = require('http-message-signatures')
const crypto = require('node:crypto')
const fs = require('node:fs')

const env = process.env
const body = '<?xml version="1.0"?><methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value/></param><param><value/></param></params></methodCall>'
const digest = (data) => `sha-256=:${crypto.createHash('sha256').update(data).digest('base64')}:`

async function main () {
  const key = createSigner(fs.readFileSync(env.QG_KEY), env.QG_ALG, env.QG_PUBLIC)
  const request = await httpbis.signMessage({
    key,
    name: 'theirs',
    fields: ['content-digest', '@query', '@path', '@authority', '@method', 'content-type'],
    params: ['keyid', 'tag', 'created', 'alg', 'nonce', 'expires'],
    paramValues: { nonce: crypto.randomBytes(16).toString('hex'), tag: 'quillgate' }
  }, {
    method: 'POST',
    url: env.QG_URL,
    headers: {
      'content-type': 'text/xml',
      'content-digest': digest(body),
      'accept-signature': 'answer=("@status" "content-digest");created;nonce="from-a-client";tag="quillgate"',
      'accept-encoding': 'identity'
    }
  })
  const response = await fetch(request.url, { method: request.method, headers: request.headers, body })
  const text = await response.text()
  if (!text.includes('<name>blogName</name>')) throw new Error(text)
  const headers = Object.fromEntries(response.headers)
  if (headers['content-digest'] !== digest(text)) throw new Error(`the digest of the answer is ${headers['content-digest']}`)
  const verified = await httpbis.verifyMessage({
    requiredFields: ['@status', 'content-type', 'content-digest'],
    requiredParams: ['created', 'nonce', 'tag'],
    async keyLookup ({ nonce }) {
      if (nonce !== 'from-a-client') throw new Error(`the nonce is ${nonce}`)
      return { id: 'server', algs: [env.QG_ANSWER_ALG], verify: createVerifier(fs.readFileSync(env.QG_ANSWER_KEY), env.QG_ANSWER_ALG) }
    }
  }, { status: response.status, headers }, request)
  if (verified !== true) throw new Error(`the answer verifies: ${verified}`)
  console.log('ok')
}

main().catch((e) => { console.error(e); process.exit(1) })
