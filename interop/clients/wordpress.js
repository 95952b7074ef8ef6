#!/usr/bin/env node
// Publishes, edits, lists and deletes posts with the npm package wordpress, which knows user names and passwords only.
//
// Reads from the environment: QG_URL, QG_IMAGE (a PNG file), QG_USER and QG_PASSWORD. The last line is "ok" when
// everything was as it should be.
'use strict'

const assert = require('assert').strict
const fs = require('fs')
const { promisify } = require('util')
const wordpress = require('wordpress')

const client = wordpress.createClient({ url: new URL('.', process.env.QG_URL).href, username: process.env.QG_USER, password: process.env.QG_PASSWORD })
const call = (name, ...args) => promisify(client[name].bind(client))(...args)

async function main () {
  const media = await call('uploadFile', { name: 'library.png', type: 'image/png', bits: fs.readFileSync(process.env.QG_IMAGE) })
  const title = 'Ærø, 世界 🚀'
  const date = new Date(2024, 1, 29, 13, 14, 15)
  const id = await call('newPost', {
    title,
    content: 'Line\nline & <p>"quoted"</p>',
    status: 'publish',
    date,
    thumbnail: media.id,
    termNames: { post_tag: ['Käse', '日本'] },
    customFields: [{ key: 'mood', value: 'très content' }]
  })
  const got = await call('getPost', id)
  assert.equal(got.title, title)
  // The library writes the date as the site's time and reads the moment: the site is two hours ahead of GMT.
  assert.equal(got.date.getTime(), date.getTime() - 2 * 3600 * 1000)
  assert.deepEqual(got.terms.filter((t) => t.taxonomy === 'post_tag').map((t) => t.name).sort(), ['Käse', '日本'].sort())
  await call('editPost', id, { title: 'Rettet ✎' })
  const listed = await call('getPosts', { number: 5, s: 'Rettet' })
  assert.deepEqual(listed.map((p) => p.title), ['Rettet ✎'])
  const term = await call('newTerm', { taxonomy: 'category', name: 'Nyheder' })
  assert.equal((await call('getTerm', 'category', term)).name, 'Nyheder')
  await call('deletePost', id)
  await call('deletePost', id)
  await assert.rejects(call('getPost', id), { faultCode: 404 })
  console.log('ok')
}

main().catch((err) => { console.error(err); process.exit(1) })
