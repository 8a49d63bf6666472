/** Patches a small artificial library, and the real binary. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { patchForOlderGlibc } from '../../../../src/frontend/uws/elf-patch.ts'
import { uwsBinaryPath } from '../../../../src/frontend/uws/uws.ts'

const SYMBOLS_AT = 64
const VERSIONS_AT = 256
const NEEDS_AT = 300
const STRINGS_AT = 400
const SECTIONS_AT = 600

test('points the renamed functions to their old names and makes the requirement weak', () => {
  const library = makeLibrary(['malloc:2', '__isoc23_strtol:3', '__isoc23_sscanf:3'])
  const result = patchForOlderGlibc(library)
  assert.ok(result.kind === 'patched')
  assert.deepEqual(symbolsOf(result.image), ['malloc:2', 'strtol:2', 'sscanf:2'])
  assert.equal(new DataView(result.image.buffer).getUint16(NEEDS_AT + 16 + 16 + 4, true), 2)
})

test('does not modify its input, and has nothing to patch a second time', () => {
  const library = makeLibrary(['__isoc23_strtoul:3'])
  const before = new Uint8Array(library)
  const result = patchForOlderGlibc(library)
  assert.deepEqual(library, before)
  assert.ok(result.kind === 'patched')
  assert.deepEqual(patchForOlderGlibc(result.image), { kind: 'unneeded' })
})

test('refuses when anything else needs the newer version', () => {
  assert.deepEqual(patchForOlderGlibc(makeLibrary(['__isoc23_strtol:3', 'strlcpy:3'])), {
    kind: 'refused',
    reason: 'strlcpy needs GLIBC_2.38',
  })
})

test('has nothing to patch in a library without the requirement', () => {
  assert.deepEqual(patchForOlderGlibc(makeLibrary(['malloc:2'], 'GLIBC_2.36')), { kind: 'unneeded' })
})

test('refuses a file that is not a library, or is truncated', () => {
  assert.equal(patchForOlderGlibc(new Uint8Array(10)).kind, 'refused')
  assert.equal(patchForOlderGlibc(new Uint8Array(4096)).kind, 'refused')
  const library = makeLibrary(['__isoc23_strtol:3'])
  for (let length = 0; length <= SECTIONS_AT + 3 * 64 + 40; length += 7) {
    assert.equal(patchForOlderGlibc(library.subarray(0, length)).kind, 'refused')
  }
})

test('patches the real binary once', { skip: process.platform !== 'linux' }, () => {
  const result = patchForOlderGlibc(readFileSync(uwsBinaryPath()))
  assert.ok(result.kind === 'patched')
  assert.deepEqual(patchForOlderGlibc(result.image), { kind: 'unneeded' })
})

/** `symbols` are written `name:version index`; 2 is the oldest version, 3 is `newer`. */
function makeLibrary(symbols: readonly string[], newer = 'GLIBC_2.38'): Uint8Array {
  const image = new Uint8Array(SECTIONS_AT + 4 * 64)
  const view = new DataView(image.buffer)
  const nameOffsets = new Map<string, number>()
  let namesEnd = 1
  const nameOffset = (name: string): number => {
    const offset = nameOffsets.get(name) ?? namesEnd
    if (!nameOffsets.has(name)) {
      image.set(Buffer.from(`${name}\0`), STRINGS_AT + offset)
      nameOffsets.set(name, offset)
      namesEnd += name.length + 1
    }
    return offset
  }
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1])
  view.setBigUint64(0x28, BigInt(SECTIONS_AT), true)
  view.setUint16(0x3a, 64, true)
  view.setUint16(0x3c, 4, true)
  symbols.forEach((symbol, index) => {
    const [name = '', version] = symbol.split(':')
    view.setUint32(SYMBOLS_AT + index * 24, nameOffset(name), true)
    view.setUint16(VERSIONS_AT + index * 2, Number(version), true)
  })
  view.setUint16(NEEDS_AT + 2, 2, true)
  view.setUint32(NEEDS_AT + 8, 16, true)
  for (const [index, name] of ['GLIBC_2.2.5', newer].entries()) {
    const at = NEEDS_AT + 16 + index * 16
    view.setUint16(at + 6, index + 2, true)
    view.setUint32(at + 8, nameOffset(name), true)
    view.setUint32(at + 12, 16, true)
  }
  const sections = [
    [11, SYMBOLS_AT, symbols.length * 24, 1],
    [3, STRINGS_AT, 200, 0],
    [0x6fff_ffff, VERSIONS_AT, symbols.length * 2, 0],
    [0x6fff_fffe, NEEDS_AT, 48, 1],
  ] as const
  for (const [index, [type, offset, size, link]] of sections.entries()) {
    const at = SECTIONS_AT + index * 64
    view.setUint32(at + 4, type, true)
    view.setBigUint64(at + 24, BigInt(offset), true)
    view.setBigUint64(at + 32, BigInt(size), true)
    view.setUint32(at + 40, link, true)
  }
  return image
}

function symbolsOf(image: Uint8Array<ArrayBuffer>): string[] {
  const view = new DataView(image.buffer)
  const names: string[] = []
  for (let at = SYMBOLS_AT; view.getUint32(at, true) !== 0; at += 24) {
    const start = STRINGS_AT + view.getUint32(at, true)
    const name = Buffer.from(image.subarray(start, image.indexOf(0, start))).toString()
    names.push(`${name}:${view.getUint16(VERSIONS_AT + (at - SYMBOLS_AT) / 12, true)}`)
  }
  return names
}
