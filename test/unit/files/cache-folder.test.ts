import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cacheFolder } from '../../../src/files/cache-folder.js'

for (const [what, env, folder] of [
  ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/c', HOME: '/home/u' }, '/c/pd-gateway'],
  ['not a relative XDG_CACHE_HOME', { XDG_CACHE_HOME: 'c', HOME: '/home/u' }, '/home/u/.cache/pd-gateway'],
  ['not an empty XDG_CACHE_HOME', { XDG_CACHE_HOME: '', HOME: '/home/u' }, '/home/u/.cache/pd-gateway'],
  ['none for a user without a home of its own', { HOME: '/' }, undefined],
] as const)
  test(`the cache folder is in ${what}`, () => assert.equal(cacheFolder(env), folder))
