/** The parts that responses of `/v1/chat/completions` and `/v1/completions` share. */

import { tokenAt } from '../sequence/output-script.ts'
import type { Sequence } from '../sequence/sequence.ts'
import { traitsOf } from '../settings/profiles.ts'
import { openAiErrorEvent } from './envelopes.ts'
import { failureOf, type RenderContext, usageJson, weightVersions } from './renderer.ts'

/** Name of a kind of object in OpenAI responses. */
type ObjectName = 'chat.completion' | 'chat.completion.chunk' | 'text_completion'

/** Whether the failure of this sequence ends the stream with an error event, rather than with finish_reason "abort". */
export function endsWithErrorEvent({ knobs }: RenderContext, sequence: Sequence): boolean {
  const isSilent = knobs.abortStatusAsInt || (knobs.silentAbort ?? traitsOf(knobs).silentAbort)
  return !isSilent && failureOf(sequence) !== undefined
}

/** The error event of a sequence that `endsWithErrorEvent`. */
export function failureEvent(sequence: Sequence): string {
  const failure = failureOf(sequence)
  return failure === undefined ? '' : openAiErrorEvent(failure.status, failure.message)
}

/** The start of a response or chunk, up to but not including `choices`. */
export function headJson(
  { createdSeconds, call }: RenderContext,
  sequence: Sequence,
  object: ObjectName,
): string {
  const id = JSON.stringify(sequence.spec.rid)
  return `{"id":${id},"object":"${object}","created":${createdSeconds},"model":${JSON.stringify(call.model)}`
}

/** The output text from token `from` on, as the content of a JSON string. */
export function outputTextJson(sequence: Sequence, from: number): string {
  let text = ''
  for (let index = from; index < sequence.produced; index++) text += tokenAt(sequence.script, index).json
  return text
}

/** `tool_calls` of a message or a delta, as JSON: the name of the tool in the first part, then its arguments. */
export function toolCallJson(sequence: Sequence, name: string | undefined, argumentsJson: string): string {
  const id = name === undefined ? 'null' : `"call_${sequence.spec.rid.slice(0, 24)}"`
  const nameJson = name === undefined ? 'null' : JSON.stringify(name)
  const call = `{"id":${id},"index":0,"type":"function","function":{"name":${nameJson},"arguments":"${argumentsJson}"}}`
  return `"tool_calls":[${call}]`
}

/** The usage chunk before `[DONE]`; empty unless the request has asked for it. */
export function usageChunk(
  context: RenderContext,
  object: ObjectName,
  usage: (json: string) => string,
): string {
  const { call } = context
  const last = call.sequences.at(-1)
  if (!call.includesUsage || last === undefined) return ''
  return `data: ${headJson(context, last, object)},"choices":[],"usage":${usage(usageJson(context, call.sequences))}}\n\n`
}

/** The body of a response that is not streamed. */
export function unaryJson(
  context: RenderContext,
  object: ObjectName,
  choice: (sequence: Sequence) => string,
): string {
  const { call } = context
  const [first] = call.sequences
  if (first === undefined) return '{}'
  const choices = call.sequences.map(choice).join(',')
  const usage = usageJson(context, call.sequences)
  const versions = traitsOf(context.knobs).hasTokenDetails ? `,${weightVersions(first.produced)}` : ''
  const metadata = `{"weight_version":"default"${versions}}`
  return `${headJson(context, first, object)},"choices":[${choices}],"usage":${usage},"metadata":${metadata}}`
}
