/** Tests of bench/routers/start/last-log-line.ts and of what is pure in bench/routers/start/python-environment.ts. */
import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lastWords } from '../../../../../bench/routers/start/last-log-line.ts'
import { cacheFolder, errorLine } from '../../../../../bench/routers/start/python-environment.ts'

test('the last line that looks like a reason is what a program said', () => {
  assert.equal(lastWords('start\nRuntimeError: no port\n  bye\n'), 'RuntimeError: no port')
  assert.equal(lastWords('start\n\u001b[2mready\u001b[0m\n\n'), 'ready')
  assert.equal(lastWords('\n'), 'it said nothing')
})

test("of pip's output the last error counts", () => {
  const stderr = 'ERROR: first\nERROR: No matching distribution found for smg\n[notice] new pip\n'
  assert.equal(
    errorLine(Object.assign(new Error('x'), { stderr })),
    'ERROR: No matching distribution found for smg',
  )
  assert.equal(
    errorLine(Object.assign(new Error('spawn python3 ENOENT'), { stderr: '' })),
    'spawn python3 ENOENT',
  )
})

test('the cache folder is the one of XDG, when that is an absolute path', () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/c' }), '/c')
  assert.equal(cacheFolder({ XDG_CACHE_HOME: 'c' }), join(homedir(), '.cache'))
  assert.equal(cacheFolder({}), join(homedir(), '.cache'))
})
