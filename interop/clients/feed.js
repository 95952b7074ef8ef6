#!/usr/bin/env node
// Reads a feed from standard input with the npm package feedparser and prints what it found as JSON.
'use strict'

const FeedParser = require('feedparser')

const parser = new FeedParser()
const items = []
parser.on('error', (err) => { console.error(err); process.exit(1) })
parser.on('readable', () => {
  for (let i; (i = parser.read());) {
    items.push({ Title: i.title, Link: i.link, GUID: i.guid, Date: i.date, Author: i.author, Text: i.description })
  }
})
parser.on('end', () => {
  const m = parser.meta
  console.log(JSON.stringify({ Kind: m['#type'] === 'atom' ? 'atom' : m['#type'] + ' ' + m['#version'], Title: m.title, Link: m.link, Items: items }))
})
process.stdin.pipe(parser)
