/** Error messages of PD failures, verbatim from SGLang (2026-07), because gateways match on them. */
import type { SequenceSpec } from './sequence.ts'

type Stage = 'Prefill bootstrap' | 'Prefill transfer' | 'Decode handshake' | 'Decode transfer'

export const ABORTED = 'Aborted by AbortReq.'
export const KV_CACHE_NOT_RECEIVED = 'Failed to get kvcache from prefill instance, it might be dead'

export function stageFailure(stage: Stage, spec: SequenceSpec, reason: string): string {
  const req = stage.startsWith('Decode') ? 'decode_req.req' : 'req'
  const room = spec.room ?? 'None'
  return (
    `${stage} failed for request rank=0 ${req}.rid='${spec.rid}' ${req}.bootstrap_room=${room}` +
    ` with exception KVTransferError(bootstrap_room=${room}): ${reason}`
  )
}

export function timedOut(room: number, afterMs: number, poll: 'Bootstrapping' | 'WaitingForInput'): string {
  return `Request ${room} timed out after ${(afterMs / 1000).toFixed(1)}s in KVPoll.${poll}`
}

export function sendFailed(room: number, session: string): string {
  return `Failed to send kv chunk of ${room} to ${session}`
}

export function sessionDead(session: string): string {
  return `Decode instance could be dead, remote mooncake session ${session} is not alive`
}

export function connectionLost(address: string): string {
  return `Lost connection with prefill instance (bootstrap_addr: ${address})`
}

export function roomMissing(rid: string): string {
  return `Invalid request: Disaggregated request received without bootstrap room id. req.rid='${rid}'`
}

export function poolExceeded(spec: SequenceSpec, kvTokens: number): string {
  return `Request ${spec.rid} exceeds the maximum number of tokens: ${spec.prompt.tokens} > ${kvTokens}`
}

export function inputLenExceeded(spec: SequenceSpec, maxReqInputLen: number): string {
  return (
    `Input length (${spec.prompt.tokens} tokens) exceeds the maximum allowed length ` +
    `(${maxReqInputLen} tokens). Use a shorter input or enable --allow-auto-truncate.`
  )
}
