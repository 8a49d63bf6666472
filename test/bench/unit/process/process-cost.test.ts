import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCpuUs, parseRssMib, readCpuUs, stealShare } from '../../../../bench/process/process-cost.ts'

test('CPU time is user and system time, whatever the name of the process', () => {
  const stat = '42 (a b) c) S 1 42 42 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 11 0 1 2 3'
  assert.equal(parseCpuUs(stat), 2_000_000)
})

test('the CPU time of a running process can be read and never decreases', () => {
  const before = readCpuUs(process.pid)
  assert.ok(readCpuUs(process.pid) >= before)
})

test('resident memory is in MiB', () => {
  assert.equal(parseRssMib('Name:\tnode\nVmRSS:\t   2048 kB\nThreads:\t1\n'), 2)
})

test('steal time is a share of all time, without counting guest time twice', () => {
  const before = 'cpu  100 0 0 100 0 0 0 0 50 0\ncpu0 1 1\n'
  const after = 'cpu  150 0 0 130 0 0 0 20 99 0\ncpu0 1 1\n'
  assert.equal(stealShare(before, after), 0.2)
  assert.equal(stealShare(before, before), 0)
})
