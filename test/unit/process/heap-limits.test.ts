import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const MODULE = join(import.meta.dirname, '../../../src/process/heap-limits.ts')

/** Prints the MiB of the half of new space that is in use, of a main thread and of a thread, after both have made much and kept some. */
const PROGRAM = `
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { getHeapSpaceStatistics } from 'node:v8'
import { boundHeaps } from ${JSON.stringify(MODULE)}
if (isMainThread && process.argv[2] === 'bound') boundHeaps(2)
let kept = []
for (let round = 0; round < 60; round++) {
  for (let at = 0; at < 20_000; at++) kept.push({ at, list: [at] })
  if (kept.length > 80_000) kept = kept.slice(40_000)
}
const space = getHeapSpaceStatistics().find(space => space.space_name === 'new_space')
const mb = (space.space_used_size + space.space_available_size) / 2 ** 20
if (!isMainThread) parentPort.postMessage(mb)
else new Worker(new URL(import.meta.url)).on('message', own => console.log(mb, own))
`

async function newSpaces(t: { after(end: () => void): void }, mode: string): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-young-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'program.mjs')
  writeFileSync(path, PROGRAM)
  const { stdout } = await promisify(execFile)(process.execPath, [path, mode])
  return stdout.trim().split(' ').map(Number)
}

test('threads that are started later have no more space for new objects than the bound', async t => {
  const [[, thread = 0], [, freeThread = 0]] = await Promise.all([
    newSpaces(t, 'bound'),
    newSpaces(t, 'free'),
  ])
  assert.ok(thread > 1 && thread <= 2, `${thread} MiB`)
  assert.ok(freeThread > 30, `${freeThread} MiB`)
})
