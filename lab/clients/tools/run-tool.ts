/** Runs a bench tool under a calm load and under one whose streams break, and compares its numbers with those of the engines. */
import { join } from 'node:path'
import { makeFolder } from '../../../src/files/make-folder.js'
import { runSuccessfully } from '../programs/run-limited.ts'
import type { ProgramRows } from '../results/rows.ts'
import { Tally } from '../target/tally.ts'
import { Target } from '../target/target.ts'
import type { BenchTool, ToolLoad, ToolResult } from './bench-tool.ts'
import type { Tokenizer } from './tokenizer.ts'

export interface ToolRun {
  readonly tokenizer: Tokenizer
  /** Folder for the files of the tool; it is created. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly limitMs: number
}

const LOAD = { requests: 40, ratePerSecond: 8, inputTokens: 128, outputTokens: 48 }
const BREAK_PROBABILITY = 0.3

/**
 * What the gateway, the network and the tool itself may add to the TTFT of the engines, and the part by which TPOT may
 * differ. On a quiet machine it is 5 to 25 ms and 2%; the rest is for busy ones. A stream that is held back to its end
 * adds half a second.
 */
const MAX_TTFT_DIFFERENCE_MS = 250
const MAX_TPOT_DEVIATION = 0.25

/** @throws Error if the tool fails as a program, or has not ended within the limit. */
export async function runTool(rows: ProgramRows, tool: BenchTool, run: ToolRun): Promise<void> {
  await using target = await Target.open()
  await calmLoad(rows, tool, target, run)
  await brokenLoad(rows, tool, target, run)
}

async function calmLoad(rows: ProgramRows, tool: BenchTool, target: Target, run: ToolRun): Promise<void> {
  const tally = await Tally.start(target)
  const result = await resultOf(tool, { ...LOAD, ...addressOf(target, run, 'calm') }, run)
  const outcomes = await tally.outcomes(LOAD.requests)
  const tokens = LOAD.requests * LOAD.outputTokens
  rows.add({
    what: 'calm load: succeeded, failed, output tokens; ok at the gateway',
    ...same(
      `${LOAD.requests}, 0, ${tokens}; ${LOAD.requests}`,
      `${result.succeeded}, ${result.failed}, ${result.outputTokens}; ${outcomes.get('ok') ?? 0}`,
    ),
  })
  compareTimes(rows, result, tally)
}

function compareTimes(rows: ProgramRows, { ttftMs, tpotMs }: ToolResult, tally: Tally): void {
  const engine = tally.engineTimes()
  const addedMs = ttftMs - engine.ttftMs
  rows.add({
    what: 'TTFT, median: above that of the engines',
    expected: `0 to ${MAX_TTFT_DIFFERENCE_MS} ms`,
    seen: `${addedMs.toFixed(1)} ms (${ttftMs.toFixed(1)} and ${engine.ttftMs.toFixed(1)})`,
    isRight: addedMs >= 0 && addedMs <= MAX_TTFT_DIFFERENCE_MS,
    figure: `TTFT +${addedMs.toFixed(1)} ms`,
  })
  const deviation = tpotMs / engine.tpotMs - 1
  rows.add({
    what: 'TPOT, median: compared with that of the engines',
    expected: `within ${MAX_TPOT_DEVIATION * 100}%`,
    seen: `${(deviation * 100).toFixed(1)}% (${tpotMs.toFixed(2)} and ${engine.tpotMs.toFixed(2)} ms)`,
    isRight: Math.abs(deviation) <= MAX_TPOT_DEVIATION,
    figure: `TPOT ${(deviation * 100).toFixed(1)}%`,
  })
}

async function brokenLoad(rows: ProgramRows, tool: BenchTool, target: Target, run: ToolRun): Promise<void> {
  const tally = await Tally.start(target)
  target.decode.knobs.resetMidStreamProb = BREAK_PROBABILITY
  const result = await resultOf(tool, { ...LOAD, ...addressOf(target, run, 'broken') }, run)
  target.decode.knobs.resetMidStreamProb = 0
  const outcomes = await tally.outcomes(LOAD.requests)
  const broken = outcomes.get('broken') ?? 0
  const seen = `${result.failed}, ${broken}, ${tally.cutResponses}`
  rows.add({
    what: `${LOAD.requests} streams, 30% break off: failed by the tool, by the gateway, by the engine`,
    expected: 'the same, above 0',
    seen,
    isRight: broken > 0 && result.failed === broken && tally.cutResponses === broken,
    figure: `failed ${result.failed}, broken ${broken}`,
  })
}

async function resultOf(tool: BenchTool, load: ToolLoad, { limitMs, signal }: ToolRun): Promise<ToolResult> {
  makeFolder(load.folder)
  // No tool may ask a hub for models or data sets.
  const offline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', HF_DATASETS_OFFLINE: '1' }
  const { env, ...command } = tool.command(load)
  await runSuccessfully({ ...command, env: { ...offline, ...env }, cwd: load.folder, limitMs, signal })
  return tool.result(load)
}

function addressOf(target: Target, { folder, tokenizer }: ToolRun, name: string) {
  return { url: target.url, tokenizer, folder: join(folder, name) }
}

function same(expected: string, seen: string) {
  return { expected, seen, isRight: seen === expected }
}
