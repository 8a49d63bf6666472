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
  return loadImage(IMAGE, { folder }, path => ({ path, content: readFileSync(path, 'latin1') }))
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
    const seen = loadImage(IMAGE, { folder }, loaded => loaded)
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

test('a folder that cannot be created does not matter, and the reason is reported', t => {
  const file = join(folderFor(t), 'file')
  writeFileSync(file, '')
  const reasons: string[] = []
  for (const folder of [join(file, 'below'), '/proc/pd-gateway', undefined])
    assert.equal(
      loadImage(IMAGE, { folder, onUncached: reason => reasons.push(reason) }, path =>
        readFileSync(path, 'latin1'),
      ),
      'a library',
    )
  assert.match(reasons[0] ?? '', /file\/below: EEXIST/)
  assert.match(reasons[1] ?? '', /^\/proc\/pd-gateway: ENOENT/)
  assert.match(reasons[2] ?? '', /no home folder/)
})

test('a file that cannot be loaded from one folder is loaded from the next', t => {
  const folder = folderFor(t)
  const paths: string[] = []
  const loadElsewhere = (path: string): string => {
    paths.push(path)
    if (paths.length === 1) throw new Error('libuws.node: failed to map segment from shared object')
    return path
  }
  const path = loadImage(IMAGE, { folder }, loadElsewhere)
  assert.equal(dirname(paths[0] ?? ''), folder)
  assert.notEqual(dirname(path), folder)
})

const mapsNothing = (): never => {
  throw new Error('failed to map segment from shared object')
}

test('an error names every folder if the file can be loaded from none', t => {
  const folder = folderFor(t)
  assert.throws(() => loadImage(IMAGE, { folder }, mapsNothing), {
    message: new RegExp(`${folder}: .*; ${tmpdir()}: .*; /dev/shm: .* Set XDG_CACHE_HOME or TMPDIR`),
  })
})

test('an error of the loader is passed on', t => {
  const fault = new Error('not a library')
  assert.throws(
    () =>
      loadImage(IMAGE, { folder: folderFor(t) }, () => {
        throw fault
      }),
    fault,
  )
})
