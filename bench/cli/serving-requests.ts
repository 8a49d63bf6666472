/** Flags of `bench serving` that say what each request looks like. */
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
      new Option('--backend <name>', 'Which endpoint.').choices(Object.keys(BACKENDS)).default('sglang'),
    )
    .option('--model <name>', "Its name in requests, in place of the target's first.")
    .option('--tokenizer <name>', 'Without effect: tokens are counted by the engines.')
    .option('--disable-stream', 'Whole answers.')
    .option('--disable-ignore-eos', 'Answers may end early.')
    .option('--extra-request-body <json>', 'Put into every body.', jsonObject)
    .option('--extra-body <json>', "The same, by vLLM's name.", jsonObject)
    .option('--header <key=value...>', 'Sent with every request.', header)
    .option('--request-id-prefix <text>', 'Requests carry an x-request-id: this and their number.', visible)
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

/** What the load writes itself would stand there twice. */
const OWN_HEADERS = new Set(['host', 'content-type', 'content-length', 'connection', 'transfer-encoding'])

function header(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]+)=([\t\x20-\x7e]*)$/.exec(text) ?? []
  if (name === '') throw new InvalidArgumentError('It is NAME=VALUE.')
  if (OWN_HEADERS.has(name.toLowerCase())) throw new InvalidArgumentError('The load writes that one itself.')
  return { ...before, [name]: value }
}

function visible(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new InvalidArgumentError('Visible ASCII without spaces is needed.')
  return text
}
