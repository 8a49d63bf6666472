/**
 * Refuses what needs the memory of one engine: the store of `/v1/responses` is in the engine that generated a response
 * (SGLang 0.5.23, and none with separate prefill and decode engines), and the next request may go to another.
 */
import { GatewayError } from '../../src/core/errors.ts'
import { lastMember } from '../json/members.ts'
import type { Member } from '../json/scan.ts'
import { isTrue } from './strict-values.ts'

/** @throws {GatewayError} `invalid-request` for `previous_response_id`, `conversation` and `background` */
export function checkStateless(members: readonly Member[]): void {
  for (const field of ['previous_response_id', 'conversation']) {
    if ((lastMember(members, field)?.kind ?? 'null') !== 'null')
      throw refused(field, 'send the whole conversation in the field input')
  }
  if (isTrue(lastMember(members, 'background')))
    throw refused('background', 'wait for the response, or stream it')
}

function refused(field: string, advice: string): GatewayError {
  const reason = 'responses are stored by single engines, and the gateway does not know which'
  return new GatewayError(
    'invalid-request',
    `The field ${field} is not supported, because ${reason}: ${advice}`,
  )
}
