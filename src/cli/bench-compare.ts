/** `pd-gateway bench compare`: two or more targets under the same load, in turn. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CompareRun } from '../../bench/command/run-compare.ts'

interface Named {
  readonly name: string
  readonly value: string
}

export interface CompareOptions {
  readonly target: readonly Named[]
  readonly pid: readonly Named[]
  readonly requests: number
  readonly concurrency: number
  readonly rounds: number
  readonly stream?: boolean
  readonly endpoint: 'generate' | 'chat' | 'completions'
  readonly connectionMode: 'keep-alive' | 'per-request'
  readonly inputLen: number
  readonly outputLen: number
  readonly seed: number
  readonly scriptSeed?: number
  readonly processes: number
  readonly timeout: number
  readonly jsonReport?: boolean
  readonly reportDir: string
}

export function addCompareCommand(bench: Command): Command {
  const command = bench
    .command('compare')
    .description('The same load on two or more targets in turn (A B B A ...), and how sure a difference is.')
    .requiredOption('--target <name=url>', 'A target; give it for each.', named, [])
    .option(
      '--pid <name=pid>',
      "The target's process: CPU a request and memory are compared, too.",
      named,
      [],
    )
    .option('-r, --requests <n>', 'Requests of a round.', count, 1000)
    .option('-c, --concurrency <n>', 'Requests at a time.', count, 32)
    .option('--rounds <n>', 'Rounds of each target; an even number, two make a block.', evenCount, 24)
    .option('-s, --stream', 'Streamed answers.')
    .option('--input-len <n>', 'Prompt tokens.', count, 64)
    .option('--output-len <n>', 'Answer tokens.', count, 16)
  return addSameLoad(command)
}

function addSameLoad(command: Command): Command {
  return command
    .option('-T, --timeout <seconds>', 'Longest time of a request.', count, 60)
    .option('--seed <n>', 'Of the first block; each has the next.', count, 1)
    .option('--script-seed <n>', 'Seed of simulated engines, when it is not their default.', count)
    .option('--processes <n>', 'Processes that make the load.', count, 1)
    .option('--json-report', 'Write a JSON report.')
    .option('--report-dir <folder>', 'Where to.', './benchmark_reports')
    .addOption(
      new Option('--endpoint <name>').choices(['generate', 'chat', 'completions']).default('generate'),
    )
    .addOption(
      new Option('--connection-mode <mode>').choices(['keep-alive', 'per-request']).default('keep-alive'),
    )
}

/** What the flags mean. Pure. @throws InvalidArgumentError when names do not go together. */
export function compareRun(options: CompareOptions): Omit<CompareRun, 'out' | 'err' | 'signal'> {
  const { target, pid, requests, concurrency, rounds, stream = false, endpoint, seed, processes } = options
  checkNames(target, pid)
  return {
    targets: target.map(one => targetOf(one, pid)),
    concurrency,
    blocks: rounds / 2,
    load: {
      requests,
      endpoint,
      seed,
      processes,
      isStream: stream,
      connection: options.connectionMode,
      timeoutMs: options.timeout * 1000,
      stallMs: options.timeout * 1000,
      dataset: { kind: 'random', inputTokens: options.inputLen, outputTokens: options.outputLen },
      ...(options.scriptSeed === undefined ? {} : { scriptSeed: options.scriptSeed }),
    },
    ...(options.jsonReport === true ? { reportDir: options.reportDir } : {}),
  }
}

function targetOf({ name, value: url }: Named, pids: readonly Named[]): CompareRun['targets'][number] {
  const pid = pids.find(one => one.name === name)
  return pid === undefined ? { name, url } : { name, url, pid: pidOf(pid) }
}

function checkNames(targets: readonly Named[], pids: readonly Named[]): void {
  const names = targets.map(({ name }) => name)
  if (names.length < 2) throw new InvalidArgumentError('--target is needed twice at least: NAME=URL.')
  const again = names.find((name, at) => names.indexOf(name) !== at)
  if (again !== undefined) throw new InvalidArgumentError(`Two targets are named ${again}.`)
  const unknown = pids.find(({ name }) => !names.includes(name))
  if (unknown !== undefined) throw new InvalidArgumentError(`--pid ${unknown.name}: there is no such target.`)
}

function pidOf({ name, value }: Named): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError(`--pid ${name}: a process id is needed.`)
  return Number(value)
}

function named(text: string, before: readonly Named[]): readonly Named[] {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('It is NAME=VALUE.')
  return [...before, { name: text.slice(0, at), value: text.slice(at + 1) }]
}

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A whole number above 0 is needed.')
  return Number(text)
}

function evenCount(text: string): number {
  const value = count(text)
  if (value % 2 === 1 || value < 4) throw new InvalidArgumentError('An even number, 4 or more, is needed.')
  return value
}
