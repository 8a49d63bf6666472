/**
 * An engine that has begun a stream reports a refusal in its only event, with status 200. The gateway has not begun its
 * answer by then and gives the client the status that the event names. To compare the two, the event is read as the
 * answer that it stands for. Pure.
 */
import { member } from '../../../bench/json/member.ts'
import { eventsOf, isEventStream } from '../../client/events.ts'
import type { Answer } from '../../client/request.ts'

/** The refusal as an answer of its own; any other answer unchanged. */
export function withoutStream(answer: Answer): Answer {
  if (!isEventStream(answer.headers)) return answer
  const { events } = eventsOf(answer.body)
  const error = events.length === 1 ? errorIn(events[0]) : undefined
  const status = member(error, 'code')
  if (typeof status !== 'number') return answer
  const headers = { 'content-type': 'application/json' }
  return { ...answer, status, headers, body: JSON.stringify({ error }) }
}

/** Either an error, or an output of /generate that was aborted with a status. */
function errorIn(event: unknown): unknown {
  const reason = member(member(event, 'meta_info'), 'finish_reason')
  const code = member(reason, 'status_code')
  if (code === undefined) return member(event, 'error')
  return { message: member(reason, 'message'), type: member(reason, 'err_type'), code }
}
