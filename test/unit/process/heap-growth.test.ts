import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { HeapGrowth, isCrowded } from '../../../src/process/heap-growth.ts'

test('old objects may grow less while many requests are open, and as V8 likes afterwards', t => {
  const flags: string[] = []
  let open = 1999
  const growth = new HeapGrowth(
    2000,
    () => open,
    flag => flags.push(flag),
  )
  t.after(() => growth.close())
  for (open of [1999, 2000, 2500, 1000, 999, 0]) growth.look()
  assert.deepEqual(flags, ['--heap-growing-percent=60', '--heap-growing-percent=0'])
})

test('a gateway that closes in a crowd leaves V8 as it was', () => {
  const flags: string[] = []
  const growth = new HeapGrowth(
    2000,
    () => 2000,
    flag => flags.push(flag),
  )
  growth.look()
  growth.close()
  growth.close()
  assert.equal(flags.at(-1), '--heap-growing-percent=0')
  assert.equal(flags.length, 2)
})

// How much memory it saves depends on how fast the machine is; the scenario burst-9900 measures that.
test('V8 knows the flag, and 0 as its own choice', () => {
  const options = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  assert.match(
    options,
    /--heap-growing-percent \([^\n]*\)\n\s+type: int {2}default: --heap-growing-percent=0\n/,
  )
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
