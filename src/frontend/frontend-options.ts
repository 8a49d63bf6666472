/** What the front end is given by whoever starts it. */
import type { Config } from '../config/config.ts'
import type { Readiness } from '../core/readiness.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Recorder } from '../telemetry/recorder.ts'
import type { AdmissionLimits } from './admission/fleet-capacity.ts'

export interface FrontendOptions {
  readonly config: Config
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  readonly readiness: () => Readiness
  /** How much may be at work at once, see `AdmissionOptions`. No bound when absent. */
  readonly admissionLimits?: AdmissionLimits
  /** Memory is short: called at once and every few seconds for as long as it is. */
  readonly onMemoryPressure?: () => void
  readonly log: Logger
  /** Of the main thread's row. */
  readonly recorder: Recorder
}
