/** guidellm. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { BenchTool, ToolLoad } from './bench-tool.ts'

const FILE = 'result.json'

const ofSuccessful = z.object({ successful: z.object({ median: z.number(), total_sum: z.number() }) })
const resultSchema = z.object({
  benchmarks: z.tuple([
    z.object({
      metrics: z.object({
        request_totals: z.object({ successful: z.number(), errored: z.number() }),
        output_token_count: ofSuccessful,
        time_to_first_token_ms: ofSuccessful,
        inter_token_latency_ms: ofSuccessful,
      }),
    }),
  ]),
})

/** `python` is the interpreter of the environment in which the tool is installed. */
export function guidellmTools(python: string): readonly BenchTool[] {
  return [{ name: 'guidellm, chat', command: load => command(python, load), result }]
}

function command(python: string, load: ToolLoad) {
  const { url, tokenizer, requests, ratePerSecond, inputTokens, outputTokens, folder } = load
  const backend = `kind=openai_http,target=${url},model=sim`
  const data = `kind=synthetic_text,prompt_tokens=${inputTokens},output_tokens=${outputTokens}`
  const args = [
    '-m',
    'guidellm',
    'run',
    '--disable-console-interactive',
    '--backend',
    backend,
    '--data',
    data,
  ]
  const amount = [
    ['--profile', `kind=constant,rate=${ratePerSecond}`],
    ['--constraint', `kind=max_requests,count=${requests}`],
    ['--tokenizer', `kind=huggingface_auto,model=${tokenizer.path}`],
    ['--output', `kind=json,path=${join(folder, FILE)}`],
  ].flat()
  return { program: python, args: [...args, ...amount] }
}

/** Its ITL is a mean over each request, which other tools call TPOT; its own TPOT includes the time to the first token. */
function result({ folder }: ToolLoad) {
  const [{ metrics }] = resultSchema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8'))).benchmarks
  return {
    succeeded: metrics.request_totals.successful,
    failed: metrics.request_totals.errored,
    outputTokens: metrics.output_token_count.successful.total_sum,
    ttftMs: metrics.time_to_first_token_ms.successful.median,
    tpotMs: metrics.inter_token_latency_ms.successful.median,
  }
}
