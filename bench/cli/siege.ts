/** `pd-gateway bench siege`. What it does is imported only when it runs. */
import type { Command } from 'commander'
import { count } from '../flags/values.ts'
import type { SiegeOptions } from '../siege/run-siege.ts'

export function addSiegeCommand(bench: Command, start: (options: SiegeOptions) => Promise<void>): void {
  bench
    .command('siege')
    .description(
      'Attack a gateway while honest clients stream, and check that these lose nothing and stay fast.',
    )
    .option('--secs <n>', 'Time under attack.', count, 120)
    .action((options: SiegeOptions) => start(options))
}
