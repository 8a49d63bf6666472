/** Flags of `pd-gateway bench compare`. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CompareRun } from '../command/run-compare.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { count, seconds, targetUrl, whole } from '../flags/values.ts'
import { addLoadFlags, type LoadFlags } from './load-flags.ts'
import { addReportFlags, reportPaths } from './report-flags.ts'

interface Named {
  readonly name: string
  readonly value: string
}

export interface CompareOptions extends LoadFlags {
  readonly target: readonly Named[]
  readonly pid: readonly Named[]
  readonly requests: number
  readonly concurrency: number
  readonly rounds: number
  readonly stream?: boolean
  readonly inputLen: number
  readonly outputLen: number
  readonly seed: number
  readonly timeout: number
}

export function addCompareCommand(bench: Command): Command {
  const command = bench
    .command('compare')
    .description(
      'Compare two or more targets under the same load, in turn (A B B A ...), with confidence intervals.',
    )
    .option('--target <name=url>', 'A target; at least two are required.', namedUrl, [])
    .option(
      '--pid <name=pid>',
      "A target's process, to compare CPU per request and memory too.",
      namedPid,
      [],
    )
    .option('-r, --requests <n>', 'Requests per round.', count, 1000)
    .option('-c, --concurrency <n>', 'Concurrent requests.', count, 32)
    .option(
      '--rounds <n>',
      'Rounds per target; an even number of at least 4, because two make a block.',
      evenCount,
      24,
    )
    .option('-s, --stream', 'Stream responses.')
    .option('--input-len <n>', 'Prompt tokens.', count, 64)
    .option('--output-len <n>', 'Output tokens.', count, 16)
    .option('-T, --timeout <seconds>', 'Timeout of a request in seconds.', seconds, 60)
    .option('--seed <n>', 'Seed of the first round; each round uses the next one.', whole, 1)
  return addLoadFlags(addReportFlags(command))
}

/** The comparison that the flags request. */
export function compareRun(options: CompareOptions, command: Command): Omit<CompareRun, keyof BenchTerminal> {
  const { target, pid, requests, concurrency, rounds, stream = false, endpoint, seed, processes } = options
  checkNames(options, command)
  return {
    targets: target.map(entry => targetOf(entry, pid)),
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
    ...reportPaths(command),
  }
}

function targetOf({ name, value: url }: Named, pids: readonly Named[]): CompareRun['targets'][number] {
  const pid = pids.find(entry => entry.name === name)
  return pid === undefined ? { name, url } : { name, url, pid: Number(pid.value) }
}

function checkNames({ target, pid }: CompareOptions, command: Command): void {
  const names = target.map(({ name }) => name)
  if (names.length < 2) command.error('error: at least two --target NAME=URL are required')
  const again = names.find((name, index) => names.indexOf(name) !== index)
  if (again !== undefined) command.error(`error: duplicate target name ${again}`)
  const unknown = pid.find(({ name }) => !names.includes(name))
  if (unknown !== undefined) command.error(`error: --pid ${unknown.name}: unknown target`)
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
  const separator = text.indexOf('=')
  if (separator < 1 || separator === text.length - 1) throw new InvalidArgumentError('Expected NAME=VALUE.')
  return [...before, { name: text.slice(0, separator), value: text.slice(separator + 1) }]
}

function evenCount(text: string): number {
  const value = count(text)
  if (value % 2 === 1 || value < 4) throw new InvalidArgumentError('Expected an even number of at least 4.')
  return value
}
