/** Exactly the given bytes are loaded, even where other users may write. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadImage } from '../../../../src/frontend/uws/library-cache.ts'

const IMAGE = Buffer.from('a library')

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'library-cache-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

interface Loaded {
  readonly path: string
  readonly content: string
}

function load(folder: string): Loaded {
  return loadImage(folder, IMAGE, path => ({ path, content: readFileSync(path, 'latin1') }))
}

test('a file is written once, in a folder that is created for it', t => {
  const folder = join(folderFor(t), 'a', 'b')
  const first = load(folder)
  assert.deepEqual([first.content, dirname(first.path)], ['a library', folder])
  assert.deepEqual(load(folder), first)
  assert.equal(readdirSync(folder).length, 1)
})

const SPOILT: Record<string, (path: string) => void> = {
  'with other bytes and the same length': path => writeFileSync(path, 'b library'),
  'that is truncated': path => writeFileSync(path, 'a lib'),
  'that others may write': path => chmodSync(path, 0o666),
  'that is a link to another': path => {
    rmSync(path)
    writeFileSync(`${path}.evil`, 'a library')
    symlinkSync(`${path}.evil`, path)
  },
}

for (const [name, spoil] of Object.entries(SPOILT)) {
  test(`a file ${name} is written again`, t => {
    const folder = folderFor(t)
    const { path } = load(folder)
    spoil(path)
    const seen = loadImage(folder, IMAGE, loaded => loaded)
    assert.equal(seen, path)
    assert.equal(readFileSync(path, 'latin1'), 'a library')
    assert.equal(lstatSync(path).mode & 0o777, 0o600)
  })
}

test('a folder that others may write is not used, and no file is left behind', t => {
  const folder = folderFor(t)
  chmodSync(folder, 0o777)
  const { path, content } = load(folder)
  assert.equal(content, 'a library')
  assert.notEqual(dirname(path), folder)
  assert.ok(!existsSync(dirname(path)))
  assert.deepEqual(readdirSync(folder), [])
})

test('a folder that cannot be created does not matter', t => {
  const file = join(folderFor(t), 'file')
  writeFileSync(file, '')
  assert.equal(load(join(file, 'below')).content, 'a library')
})

test('an error of the loader is passed on', t => {
  const fault = new Error('not a library')
  assert.throws(
    () =>
      loadImage(folderFor(t), IMAGE, () => {
        throw fault
      }),
    fault,
  )
})
