#!/usr/bin/env node
// Publishes, edits, lists and deletes posts with the npm package xmlrpc.
//
// Reads from the environment: QG_URL, QG_IMAGE (a PNG file), and either QG_PUBLIC and QG_SECRET (signed calls) or QG_USER
// and QG_PASSWORD. The last line is "ok" when everything was as it should be.
'use strict'

const assert = require('assert').strict
const crypto = require('crypto')
const fs = require('fs')
const xmlrpc = require('xmlrpc')
const serializer = require('xmlrpc/lib/serializer')

const publicKey = process.env.QG_PUBLIC
const secret = process.env.QG_SECRET
const [user, password] = publicKey ? ['', ''] : [process.env.QG_USER, process.env.QG_PASSWORD]
const client = xmlrpc.createClient({ url: process.env.QG_URL })
const hash = (text) => crypto.createHash('sha256').update(text).digest('hex')

// call signs the body that methodCall is about to write, and answers with the result.
function call (method, ...params) {
  if (publicKey) {
    const body = serializer.serializeMethodCall(method, params, client.options.encoding)
    client.options.headers.Authorization = publicKey + '||' + hash(secret + hash(secret + body))
  }
  return new Promise((resolve, reject) => client.methodCall(method, params, (err, value) => err ? reject(err) : resolve(value)))
}

async function main () {
  assert.equal(await call('demo.sayHello'), 'Hello!')
  assert.equal((await call('wp.getUsersBlogs', user, password)).length, 1)

  const picture = fs.readFileSync(process.env.QG_IMAGE)
  const media = await call('wp.uploadFile', 1, user, password, { name: 'node.png', type: 'image/png', bits: picture })
  assert.deepEqual(Buffer.from(await (await fetch(media.url)).arrayBuffer()), picture)

  const title = 'Žluťoučký kůň, 世界 🚀 & <i>more</i>'
  const date = new Date(2024, 1, 29, 13, 14, 15)
  const post = await call('wp.newPost', 1, user, password, {
    post_title: title,
    post_content: 'Řádek\nline & <p>"quoted"</p>',
    post_status: 'publish',
    post_date: date,
    post_thumbnail: media.id,
    terms_names: { post_tag: ['Käse', '日本'] },
    custom_fields: [{ key: 'mood', value: 'très content' }]
  })
  assert.equal(typeof post, 'string')
  const got = await call('wp.getPost', 1, user, password, post)
  assert.equal(got.post_title, title)
  assert.equal(got.post_date.getTime(), date.getTime())
  assert.deepEqual(got.terms.filter((t) => t.taxonomy === 'post_tag').map((t) => t.name).sort(), ['Käse', '日本'].sort())
  assert.equal(got.post_thumbnail.attachment_id, media.id)
  assert.equal(got.custom_fields[0].value, 'très content')

  assert.equal(await call('wp.editPost', 1, user, password, post, { post_title: 'Upraveno ✎' }), true)
  const listed = await call('wp.getPosts', 1, user, password, { number: 5, s: 'Upraveno' }, ['post_id'])
  assert.deepEqual(listed.map((p) => p.post_id), [post])
  assert.equal(await call('wp.deletePost', 1, user, password, post), true)
  assert.equal(await call('wp.deletePost', 1, user, password, post), true)
  await assert.rejects(call('wp.deletePost', 1, user, password, post), { faultCode: 404 })
  if (!publicKey) {
    await assert.rejects(call('wp.getProfile', 1, user, password + 'x'), { faultCode: 403 })
  }
  console.log('ok')
}

main().catch((err) => { console.error(err); process.exit(1) })
