/** `pd-gateway bench memory`. What it does is imported only when it runs. */
import type { Command } from 'commander'
import { count } from '../flags/values.ts'
import type { MemoryOptions } from '../memory/run-memory.ts'

export function addMemoryCommand(bench: Command, start: (options: MemoryOptions) => Promise<void>): void {
  bench
    .command('memory')
    .description(
      'Attack a gateway in a control group of little memory, and check that it lives and honest clients lose nothing. Needs root.',
    )
    .option('--limit-mb <n>', 'Memory of the control group, in MiB.', count, 2048)
    .option('--clients <n>', 'Hostile clients.', count, 64)
    .option('--secs <n>', 'Time under attack.', count, 40)
    .option('--rate <n>', 'Honest requests per second.', count, 20)
    .action((options: MemoryOptions) => start(options))
}
