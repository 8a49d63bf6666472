/** `pd-gateway bench compare`: two or more targets under the same load, in turn. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CompareRun } from '../command/run-compare.ts'
import { addReportFlags, reportPlaces } from './report-flags.ts'
import { count, seconds, targetUrl, whole } from '../flags/values.ts'

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
}

export function addCompareCommand(bench: Command): Command {
  const command = bench
    .command('compare')
    .description('The same load on two or more targets in turn (A B B A ...), and how sure a difference is.')
    .requiredOption('--target <name=url>', 'A target; give it for each.', namedUrl, [])
    .option(
      '--pid <name=pid>',
      "The target's process: CPU a request and memory are compared, too.",
      namedPid,
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
  return addReportFlags(command)
    .option('-T, --timeout <seconds>', 'Longest time of a request.', seconds, 60)
    .option('--seed <n>', 'Of the first round; each has the next.', whole, 1)
    .option('--script-seed <n>', 'Seed of simulated engines, when it is not their default.', whole)
    .option('--processes <n>', 'Processes that make the load.', count, 1)
    .addOption(
      new Option('--endpoint <name>').choices(['generate', 'chat', 'completions']).default('generate'),
    )
    .addOption(
      new Option('--connection-mode <mode>').choices(['keep-alive', 'per-request']).default('keep-alive'),
    )
}

/** What the flags mean. */
export function compareRun(
  options: CompareOptions,
  command: Command,
): Omit<CompareRun, 'out' | 'err' | 'terminal' | 'signal'> {
  const { target, pid, requests, concurrency, rounds, stream = false, endpoint, seed, processes } = options
  refuseOddNames(options, command)
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
    ...reportPlaces(command),
  }
}

function targetOf({ name, value: url }: Named, pids: readonly Named[]): CompareRun['targets'][number] {
  const pid = pids.find(one => one.name === name)
  return pid === undefined ? { name, url } : { name, url, pid: Number(pid.value) }
}

function refuseOddNames({ target, pid }: CompareOptions, command: Command): void {
  const names = target.map(({ name }) => name)
  if (names.length < 2) command.error('error: --target is needed twice at least: NAME=URL')
  const again = names.find((name, at) => names.indexOf(name) !== at)
  if (again !== undefined) command.error(`error: two targets are named ${again}`)
  const unknown = pid.find(({ name }) => !names.includes(name))
  if (unknown !== undefined) command.error(`error: --pid ${unknown.name}: there is no such target`)
}

function namedUrl(text: string, before: readonly Named[]): readonly Named[] {
  const all = named(text, before)
  targetUrl(all.at(-1)?.value ?? '')
  return all
}

function namedPid(text: string, before: readonly Named[]): readonly Named[] {
  const all = named(text, before)
  count(all.at(-1)?.value ?? '')
  return all
}

function named(text: string, before: readonly Named[]): readonly Named[] {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('It is NAME=VALUE.')
  return [...before, { name: text.slice(0, at), value: text.slice(at + 1) }]
}

function evenCount(text: string): number {
  const value = count(text)
  if (value % 2 === 1 || value < 4) throw new InvalidArgumentError('An even number, 4 or more, is needed.')
  return value
}
