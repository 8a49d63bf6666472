/** Flags of `bench serving` for the requests. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import { jsonObject } from '../flags/values.ts'

const BACKENDS = {
  sglang: 'generate',
  'sglang-oai': 'completions',
  'sglang-oai-chat': 'chat',
  vllm: 'completions',
  'vllm-chat': 'chat',
  openai: 'completions',
  'openai-chat': 'chat',
} as const

export interface RequestOptions {
  readonly backend: keyof typeof BACKENDS
  readonly model?: string
  readonly disableStream?: boolean
  readonly disableIgnoreEos?: boolean
  readonly extraRequestBody?: Readonly<Record<string, unknown>>
  readonly extraBody?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, string>>
  readonly requestIdPrefix?: string
}

export function addRequestFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--backend <name>', 'Selects the endpoint.')
        .choices(Object.keys(BACKENDS))
        .default('sglang'),
    )
    .option('--model <name>', "Model name in requests; default: the target's first model.")
    .option('--tokenizer <name>', 'Ignored: the engines count tokens.')
    .option('--disable-stream', 'Do not stream responses.')
    .option('--disable-ignore-eos', 'Let engines end responses early.')
    .option('--extra-request-body <json>', 'Properties to add to every request body.', jsonObject)
    .option('--extra-body <json>', "Same as --extra-request-body, by vLLM's name.", jsonObject)
    .option('--header <key=value...>', 'Headers to send with every request.', header)
    .option(
      '--request-id-prefix <text>',
      'Send an x-request-id header: this prefix and the number of the request.',
      visible,
    )
}

export function requestLoad(
  options: RequestOptions,
): Pick<
  BenchLevel['load'],
  'endpoint' | 'model' | 'isStream' | 'ignoreEos' | 'extraBody' | 'headers' | 'requestIdPrefix'
> {
  const { model, requestIdPrefix } = options
  return {
    endpoint: BACKENDS[options.backend],
    isStream: options.disableStream !== true,
    ignoreEos: options.disableIgnoreEos !== true,
    extraBody: { ...options.extraRequestBody, ...options.extraBody },
    headers: { ...options.header },
    ...(model === undefined ? {} : { model }),
    ...(requestIdPrefix === undefined ? {} : { requestIdPrefix }),
  }
}

/** Headers that the load generator writes itself. */
const OWN_HEADERS = new Set(['host', 'content-type', 'content-length', 'connection', 'transfer-encoding'])

function header(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]+)=([\t\x20-\x7e]*)$/.exec(text) ?? []
  if (name === '') throw new InvalidArgumentError('Expected NAME=VALUE.')
  if (OWN_HEADERS.has(name.toLowerCase()))
    throw new InvalidArgumentError('The load generator sets this header itself.')
  return { ...before, [name]: value }
}

function visible(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new InvalidArgumentError('Expected visible ASCII without spaces.')
  return text
}
