/** Recognizes a response in a content coding (gzip, br …). None is ever requested, so it cannot be read. Pure. */
import type { Leg } from '../../src/core/errors.ts'
import type { ResponseBody } from '../upstream/response-body.ts'
import type { Failure } from './failure.ts'
import { protocolFailure, statusFailure } from './reported-failure.ts'

/** The failure that the head of a response stands for; `undefined` if its body is not coded. */
export function codingFailure(leg: Leg, { coding, status, isError }: ResponseBody): Failure | undefined {
  if (coding === undefined) return undefined
  const what = `in the content coding ${coding}, although none was requested`
  if (isError)
    return statusFailure(
      leg,
      status,
      Buffer.from(`The ${leg} engine responded with status ${status}, ${what}`),
    )
  const advice = 'Turn off compression in the engine or in the proxy in front of it.'
  return protocolFailure(leg, `The ${leg} engine sent its response ${what}. ${advice}`)
}
