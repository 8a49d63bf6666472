/** Flags and environment of the canned engine. Does not start anything. */
import { parseArgs } from 'node:util'
import { boundedInteger } from '../bounded-integer.ts'

export interface CannedOptions {
  /** First port; prefill ports come first, then decode ports. 0 lets the system choose every port. */
  readonly portBase: number
  /** Engines of each role. */
  readonly engines: number
  /** Events of one stream, `[DONE]` not counted. */
  readonly chunks: number
  /** Pause between two events of one stream; 0 sends a stream at once. */
  readonly intervalMs: number
}

/** Flags win over CANNED_CHUNKS and CANNED_INTERVAL_MS. @throws RangeError for a number out of its bounds. */
export function parseCannedOptions(args: readonly string[], env: NodeJS.ProcessEnv): CannedOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'port-base': { type: 'string', default: '0' },
      engines: { type: 'string', default: '2' },
      chunks: { type: 'string', default: env['CANNED_CHUNKS'] ?? '101' },
      'interval-ms': { type: 'string', default: env['CANNED_INTERVAL_MS'] ?? '20' },
    },
  })
  return {
    portBase: boundedInteger('port-base', values['port-base'], [0, 65_000]),
    engines: boundedInteger('engines', values.engines, [1, 64]),
    chunks: boundedInteger('chunks', values.chunks, [2, 100_000]),
    intervalMs: boundedInteger('interval-ms', values['interval-ms'], [0, 60_000]),
  }
}
