/** Flags of the canned engines. */
import { Command } from 'commander'
import { wholeBetween } from '../flags/values.ts'

export interface CannedOptions {
  /** First port; the prefill ports come first, then the decode ports. 0 lets the system choose every port. */
  readonly portBase: number
  /** Engines of each role. */
  readonly engines: number
  /** Events in one stream, not counting `[DONE]`. */
  readonly chunks: number
  /** Pause between two events of a stream; 0 sends the events as fast as possible. */
  readonly intervalMs: number
}

/** @throws CommanderError for an invalid value. */
export function parseCannedOptions(args: readonly string[]): CannedOptions {
  return new Command('canned engines')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .option('--port-base <n>', 'First port; 0 lets the system choose.', wholeBetween(0, 65_000), 0)
    .option('--engines <n>', 'Engines of each role.', wholeBetween(1, 64), 2)
    .option('--chunks <n>', 'Events in a stream.', wholeBetween(2, 100_000), 101)
    .option('--interval-ms <ms>', 'Pause between events.', wholeBetween(0, 60_000), 20)
    .parse(args, { from: 'user' })
    .opts<CannedOptions>()
}
