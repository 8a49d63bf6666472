/** `pd-gateway demo`: simulated engines in a process of their own, a gateway before them, and lines to try it with. */

import type { GivenValue } from '../config/flags.ts'
import { loadConfig } from '../config/load.ts'
import type { CliDependencies } from './dependencies.ts'
import { startFleetProcess } from './fleet-process.ts'
import { serveConfig } from './serve.ts'
import { settingsOfFlags } from './settings.ts'

/** A decode step of 10 to 20 ms (256 requests at once, the simulator's limit): as an 8B model on an H100. */
const PACE = ['--knob', 'itlPerReqMs=0.04']

export interface DemoOptions {
  readonly port?: string
  readonly disableRetries?: true
  readonly logLevel?: string
  readonly preset?: string
  readonly script?: string
}

export async function demo(options: DemoOptions, deps: CliDependencies): Promise<number> {
  const { port = '30000', logLevel = 'info', preset = 'calm', script, disableRetries = false } = options
  deps.out('Starting two prefill and two decode engines (simulated) …\n')
  const played = script === undefined ? [] : ['--script', script]
  const fleet = await startFleetProcess(deps.mainPath, ['--preset', preset, ...PACE, ...played])
  try {
    const { settings } = settingsOfFlags(
      new Map<string, GivenValue>([
        ['host', '127.0.0.1'],
        ['port', port],
        ['log-level', logLevel],
        // Four engines take minutes for what thousands of clients may ask at once, and fail more in such bursts.
        ['queue-timeout-secs', '300'],
        disableRetries ? ['disable-retries', true] : ['retry-max-retries', '5'],
        ['prometheus-host', '127.0.0.1'],
        ['prometheus-port', '0'],
        // Nobody balances load between demos.
        ['shutdown-settle-secs', '0'],
        ['prefill', fleet.prefill.flatMap(({ url, bootstrapPort }) => [url, String(bootstrapPort)])],
        ['decode', fleet.decode.map(({ url }) => url)],
      ]),
    )
    return await serveConfig(loadConfig({ flags: settings }), deps, bound => deps.out(demoText(bound)))
  } finally {
    await fleet.close()
  }
}

function demoText(port: number): string {
  const origin = `http://127.0.0.1:${port}`
  const json = `-H 'content-type: application/json'`
  const chat = `"model":"sim","max_tokens":32,"messages":[{"role":"user","content":"Hello"}]`
  return `The gateway listens on ${origin}. In another terminal:

  a chat:      curl ${origin}/v1/chat/completions ${json} -d '{${chat}}'
  streamed:    curl -N ${origin}/v1/chat/completions ${json} -d '{${chat},"stream":true}'
  SGLang API:  curl ${origin}/generate ${json} -d '{"text":"Hello","sampling_params":{"max_new_tokens":32}}'

Ctrl-C stops it.
`
}
