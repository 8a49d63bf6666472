import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeFolder } from '../../../src/files/make-folder.js'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'make-folder-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('all missing folders of the path are created with the mode, and an existing one is left alone', t => {
  const path = join(folderOf(t), 'a', 'b')
  makeFolder(path, 0o700)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  makeFolder(path, 0o755)
  assert.equal(statSync(path).mode & 0o777, 0o700)
})

test('a folder below /proc fails at once instead of never returning', () => {
  assert.throws(() => makeFolder('/proc/pd-gateway/log'), { code: 'ENOENT' })
})

test('a file in the path is an error', t => {
  const file = join(folderOf(t), 'file')
  writeFileSync(file, '')
  assert.throws(() => makeFolder(file), { code: 'EEXIST' })
  assert.throws(() => makeFolder(join(file, 'below')), { code: 'EEXIST' })
})
