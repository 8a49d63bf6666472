import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const MODULE = join(import.meta.dirname, '../../../src/process/v8-flags.ts')

/**
 * Prints, of a thread that has made nothing yet, in MiB: the half of its new space, and the most that V8 lets its whole
 * heap grow to. What a thread comes to by making objects depends on when V8 collects and how much it measures then.
 */
const PROGRAM = `
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import { setV8Flags } from ${JSON.stringify(MODULE)}
if (isMainThread) {
  setV8Flags(Number(process.argv[2]))
  new Worker(new URL(import.meta.url)).on('message', own => console.log(...own))
} else {
  const space = getHeapSpaceStatistics().find(space => space.space_name === 'new_space')
  const half = space.space_used_size + space.space_available_size
  parentPort.postMessage([half / 2 ** 20, getHeapStatistics().heap_size_limit / 2 ** 20])
}
`

async function threadOf(t: { after(end: () => void): void }, boundMb: number) {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-young-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'program.mjs')
  writeFileSync(path, PROGRAM)
  const { stdout } = await promisify(execFile)(process.execPath, [path, String(boundMb)])
  const [firstMb = 0, limitMb = 0] = stdout.trim().split(' ').map(Number)
  return { firstMb, limitMb }
}

test('threads that are started later have just this much space for new objects', async t => {
  const [small, large] = await Promise.all([threadOf(t, 4), threadOf(t, 16)])
  // Each page has a few bytes for itself.
  assert.deepEqual(
    [small, large].map(({ firstMb }) => Math.ceil(firstMb)),
    [4, 16],
  )
  // V8's own account: the limit of a heap is that of its old objects and three times the most that half of new space gets.
  assert.equal(large.limitMb - small.limitMb, 3 * (16 - 4))
})
