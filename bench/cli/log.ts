/** `pd-gateway bench log`. What it does is imported only when it runs. */
import type { Command } from 'commander'
import { count } from '../flags/values.ts'
import type { LogOptions } from '../log/run-log.ts'

export function addLogCommand(bench: Command, start: (options: LogOptions) => Promise<void>): void {
  bench
    .command('log')
    .description('Fail half of the requests while the log cannot be written, and check that none is late.')
    .option('--requests <n>', 'Requests for each kind of log.', count, 2000)
    .action((options: LogOptions) => start(options))
}
