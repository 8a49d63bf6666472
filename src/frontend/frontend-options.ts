/** Options of `startFrontend`. */
import type { Config } from '../config/config.ts'
import type { Readiness } from '../core/readiness.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Recorder } from '../telemetry/recorder.ts'
import type { AdmissionLimits } from './admission/fleet-capacity.ts'

export interface FrontendOptions {
  readonly config: Config
  /** The router thread for the next request; `undefined` when none runs. */
  readonly assign: () => ThreadChannel | undefined
  readonly readiness: () => Readiness
  /** Unlimited by default. */
  readonly admissionLimits?: AdmissionLimits
  /** Port of the admin listener, for the error at a path that it serves. */
  readonly adminPort?: number
  /** Called when memory becomes short, and every few seconds while it stays so. */
  readonly onMemoryPressure?: () => void
  /** Collects the garbage of all threads. */
  readonly collectGarbage?: () => void
  readonly log: Logger
  /** Records metrics of the main thread. */
  readonly recorder: Recorder
}
