/** Flags of `pd-gateway bench compare`, and of the result file of `bench serving`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { addCompareCommand, type CompareOptions, compareRun } from '../../../../bench/cli/compare.ts'
import { addResultFlags, type ResultOptions, resultFile } from '../../../../bench/cli/vllm-result-flags.ts'

function runOf(...args: string[]): ReturnType<typeof compareRun> {
  const root = new Command('bench')
  const command = addCompareCommand(root)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  let run: ReturnType<typeof compareRun> | undefined
  command.action((options: CompareOptions) => {
    run = compareRun(options, command)
  })
  root.parse(['compare', ...args], { from: 'user' })
  if (run === undefined) throw new TypeError('the action was called')
  return run
}

const TWO = ['--target', 'old=http://127.0.0.1:1', '--target', 'new=http://127.0.0.1:2']

test('targets and processes are matched by name, and two rounds make a block', () => {
  const run = runOf(...TWO, '--pid', 'new=42', '--rounds', '8', '-r', '50', '-c', '4', '-s')
  assert.deepEqual(run.targets, [
    { name: 'old', url: 'http://127.0.0.1:1' },
    { name: 'new', url: 'http://127.0.0.1:2', pid: 42 },
  ])
  assert.deepEqual([run.blocks, run.concurrency], [4, 4])
  assert.partialDeepStrictEqual(run.load, { requests: 50, isStream: true, seed: 1, endpoint: 'generate' })
  assert.equal('reportDir' in run, false)
})

test('the default number of rounds is enough for an interval', () => {
  assert.equal(runOf(...TWO).blocks, 12)
})

const INVALID: Record<string, readonly [readonly string[], RegExp]> = {
  'no target': [[], /two --target NAME=URL/],
  'a single target': [TWO.slice(0, 2), /two --target NAME=URL/],
  'a duplicate target name': [[...TWO.slice(0, 2), ...TWO.slice(0, 2)], /duplicate target name old/],
  'a target without a name': [['--target', 'http://127.0.0.1:1'], /Expected NAME=VALUE/],
  'a process of an unknown target': [[...TWO, '--pid', 'other=1'], /--pid other: unknown target/],
  'a process id that is not a number': [[...TWO, '--pid', 'old=x'], /--pid.* Expected a whole number/],
  'an odd number of rounds': [[...TWO, '--rounds', '5'], /--rounds.* Expected an even number/],
}

for (const [name, [args, message]] of Object.entries(INVALID)) {
  test(`${name} is rejected`, () => {
    assert.throws(() => runOf(...args), message)
  })
}

test("goodput limits and metadata are parsed in vLLM's format", () => {
  const { vllm } = fileOf('--save-result --goodput ttft:200 e2el:1500.5 --metadata gpu=none note=a=b')
  assert.deepEqual(vllm?.options.goodput, { ttft: 200, e2el: 1500.5 })
  assert.deepEqual(vllm?.options.metadata, { gpu: 'none', note: 'a=b' })
  assert.deepEqual(fileOf('--goodput ttft:200'), {})
  for (const wrong of ['itl:3', 'ttft', 'ttft:no', 'ttft:0'])
    assert.throws(() => fileOf(`--goodput ${wrong}`), /--goodput.* Expected /)
})

function fileOf(flags: string): ReturnType<typeof resultFile> {
  const command = addResultFlags(new Command('serving'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  command.parse(flags.split(' '), { from: 'user' })
  const load = { backend: 'sglang', requestRate: Infinity, burstiness: 1 }
  return resultFile({ ...load, ...command.opts<Omit<ResultOptions, keyof typeof load>>() })
}
