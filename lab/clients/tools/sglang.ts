/** `sglang.bench_serving`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { BenchTool, ToolLoad } from './bench-tool.ts'

const FILE = 'result.jsonl'
const SCRIPT = join(import.meta.dirname, '..', 'scripts', 'sglang_bench_serving.py')

const resultSchema = z.object({
  completed: z.number(),
  total_output_tokens: z.number(),
  median_ttft_ms: z.number(),
  median_tpot_ms: z.number(),
})

/** The tool with its backends for SGLang. `python` is the interpreter of the environment in which it is installed. */
export function sglangTools(python: string): readonly BenchTool[] {
  return ['sglang', 'sglang-oai-chat', 'sglang-oai'].map(backend => ({
    name: `sglang.bench_serving, ${backend}`,
    command: load => command(python, load, backend),
    result,
  }))
}

function command(python: string, load: ToolLoad, backend: string) {
  const target = [
    '--backend',
    backend,
    '--base-url',
    load.url,
    '--model',
    'sim',
    '--tokenizer',
    load.tokenizer.path,
  ]
  const sizes = ['--random-input-len', load.inputTokens, '--random-output-len', load.outputTokens]
  const dataset = ['--dataset-name', 'random-ids', ...sizes, '--random-range-ratio', 1]
  const amount = [
    '--num-prompts',
    load.requests,
    '--request-rate',
    load.ratePerSecond,
    '--warmup-requests',
    0,
  ]
  const output = ['--output-file', join(load.folder, FILE), '--disable-tqdm']
  const args = [SCRIPT, ...target, ...dataset, ...amount, ...output]
  return { program: python, args: args.map(String) }
}

/** The tool does not write how many failed, only how many did not. */
function result({ folder, requests }: ToolLoad) {
  const found = resultSchema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
  return {
    succeeded: found.completed,
    failed: requests - found.completed,
    outputTokens: found.total_output_tokens,
    ttftMs: found.median_ttft_ms,
    tpotMs: found.median_tpot_ms,
  }
}
