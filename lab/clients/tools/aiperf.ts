/** NVIDIA's aiperf. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { BenchTool, ToolLoad } from './bench-tool.ts'

const FILE = 'profile_export_aiperf.json'

const metric = z.object({ avg: z.number() })
const distribution = z.object({ p50: z.number() })
const resultSchema = z.object({
  request_count: metric,
  // Missing if there are none.
  error_request_count: metric.optional(),
  total_output_tokens: metric.optional(),
  time_to_first_token: distribution,
  inter_token_latency: distribution,
})

/** `aiperf` is the path of the program. */
export function aiperfTools(aiperf: string): readonly BenchTool[] {
  return [{ name: 'aiperf, chat', command: load => command(aiperf, load), result }]
}

function command(aiperf: string, load: ToolLoad) {
  const target = ['--model', 'sim', '--url', load.url, '--endpoint-type', 'chat', '--streaming']
  const sizes = ['--synthetic-input-tokens-mean', load.inputTokens, '--output-tokens-mean', load.outputTokens]
  const amount = ['--request-count', load.requests, '--request-rate', load.ratePerSecond]
  const tokens = [
    '--tokenizer',
    load.tokenizer.name,
    '--extra-inputs',
    'ignore_eos:true',
    '--use-server-token-count',
  ]
  // One process of each kind is enough for the load, and gentler on a small machine.
  const light = ['--workers-max', 1, '--record-processors', 1, '--no-server-metrics', '--no-gpu-telemetry']
  const output = ['--ui-type', 'none', '--output-artifact-dir', load.folder]
  const args = ['profile', ...target, ...sizes, ...amount, ...tokens, ...light, ...output].map(String)
  // Where it may not ask a hub, 0.13.0 takes no path for a tokenizer, only the name of one in the hub's cache.
  return { program: aiperf, args, env: { HF_HOME: load.tokenizer.hubHome } }
}

/** Its ITL is a mean over each request, which other tools call TPOT. */
function result({ folder }: ToolLoad) {
  const found = resultSchema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
  return {
    succeeded: found.request_count.avg,
    failed: found.error_request_count?.avg ?? 0,
    outputTokens: found.total_output_tokens?.avg ?? 0,
    ttftMs: found.time_to_first_token.p50,
    tpotMs: found.inter_token_latency.p50,
  }
}
