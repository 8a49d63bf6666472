/** Sends one health probe to an engine, and says what its result means. */
import { errorCode, isLocalShortage, messageOf } from '../../core/text/error-text.ts'
import type { EngineGet } from './engine-facts.ts'
import type { ProbeFault } from './health-check.ts'
import { NO_RESPONSE } from './http-get.ts'

export interface ProbeResult {
  /** `undefined` if the probe was good. */
  readonly fault: ProbeFault | undefined
  readonly error: string | undefined
  /** Status of the response; not set if there was none. */
  readonly status?: number
  /** The probe never left this machine, so it says nothing about the engine. */
  readonly isLocal: boolean
}

const GOOD: ProbeResult = { fault: undefined, error: undefined, isLocal: false }

/** Never rejects. */
export async function probe(get: EngineGet, endpoint: string, timeoutMs: number): Promise<ProbeResult> {
  try {
    const { status } = await get(endpoint, timeoutMs)
    if (status >= 200 && status < 300) return GOOD
    return { fault: 'failed', error: `${endpoint} responded with ${status}`, status, isLocal: false }
  } catch (error) {
    const code = errorCode(error)
    return { fault: faultOf(code), error: messageOf(error), isLocal: isLocalShortage(code) }
  }
}

function faultOf(code: string): ProbeFault {
  if (code === NO_RESPONSE) return 'slow'
  return code === 'ECONNREFUSED' ? 'refused' : 'failed'
}
