import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { isCrowded } from '../../src/heap-growth.ts'

const MODULE = join(import.meta.dirname, '../../src/heap-growth.ts')

/** Replaces the oldest of 200,000 objects again and again; prints the MiB of old objects, at most. */
const PROGRAM = `
import { getHeapSpaceStatistics } from 'node:v8'
import { HeapGrowth } from ${JSON.stringify(MODULE)}
new HeapGrowth(2000, () => Number(process.argv[2])).look()
const oldMb = () => getHeapSpaceStatistics().find(space => space.space_name === 'old_space').space_size / 2 ** 20
const kept = []
const made = at => ({ at, list: [at, at], text: 'request ' + at })
for (let at = 0; at < 200_000; at++) kept.push(made(at))
gc()
let most = 0
for (let at = 0; at < 2_000_000; at++) {
  kept[at % kept.length] = made(at)
  if (at % 10_000 === 0) most = Math.max(most, oldMb())
}
console.log(most)
`

async function mostOldMb(t: { after(end: () => void): void }, open: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-growth-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'program.mjs')
  writeFileSync(path, PROGRAM)
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', path, String(open)])
  return Number(stdout)
}

test('with many requests open the old objects of a thread take less memory', async t => {
  const [few, many] = [await mostOldMb(t, 1999), await mostOldMb(t, 2000)]
  assert.ok(many < few * 0.8, `${many} MiB in place of ${few}`)
})

test('a crowd begins at the bound and ends below half of it', () => {
  assert.equal(isCrowded(false, 1999, 2000), false)
  assert.equal(isCrowded(false, 2000, 2000), true)
  assert.equal(isCrowded(true, 1000, 2000), true)
  assert.equal(isCrowded(true, 999, 2000), false)
})

test('a bound of 0 knows no crowd', () => {
  assert.equal(isCrowded(false, 1_000_000, 0), false)
})
