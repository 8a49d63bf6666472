/** `vllm bench serve`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { BenchTool, ToolLoad } from './bench-tool.ts'

const FILE = 'result.json'
const SCRIPT = join(import.meta.dirname, '..', 'scripts', 'vllm_bench_serve.py')

const resultSchema = z.object({
  completed: z.number(),
  failed: z.number(),
  total_output_tokens: z.number(),
  median_ttft_ms: z.number(),
  median_tpot_ms: z.number(),
})

/** The tool with its OpenAI backends. `python` is the interpreter of the environment in which it is installed. */
export function vllmTools(python: string): readonly BenchTool[] {
  return [
    { name: 'vllm bench serve, chat', command: load => command(python, load, CHAT), result },
    { name: 'vllm bench serve, completions', command: load => command(python, load, []), result },
  ]
}

const CHAT = ['--backend', 'openai-chat', '--endpoint', '/v1/chat/completions']

function command(python: string, load: ToolLoad, api: readonly string[]) {
  const sizes = ['--random-input-len', load.inputTokens, '--random-output-len', load.outputTokens]
  const amount = ['--num-prompts', load.requests, '--request-rate', load.ratePerSecond]
  const output = ['--save-result', '--result-dir', load.folder, '--result-filename', FILE, '--disable-tqdm']
  const target = ['--base-url', load.url, '--model', 'sim', '--tokenizer', load.tokenizer.path, ...api]
  // The ready check and warm-up requests would count as requests of the load.
  const alone = ['--ready-check-timeout-sec', 0, '--num-warmups', 0]
  const args = [
    SCRIPT,
    ...target,
    '--dataset-name',
    'random',
    ...sizes,
    ...amount,
    '--ignore-eos',
    ...alone,
    ...output,
  ]
  return { program: python, args: args.map(String) }
}

function result({ folder }: ToolLoad) {
  const found = resultSchema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
  return {
    succeeded: found.completed,
    failed: found.failed,
    outputTokens: found.total_output_tokens,
    ttftMs: found.median_ttft_ms,
    tpotMs: found.median_tpot_ms,
  }
}
