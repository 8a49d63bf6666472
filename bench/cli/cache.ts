/** Flags of `pd-gateway bench cache`. */
import type { Command } from 'commander'
import {
  type ChooserName,
  DEFAULT_CHOOSERS,
  EXTRA_NAMES,
  type ExtraName,
  OTHER_CHOOSERS,
  WORKLOAD_NAMES,
  type WorkloadName,
} from '../cache/names.ts'
import type { CacheOptions } from '../cache/run-cache.ts'
import { namesOf, wholeBetween } from '../flags/values.ts'
import { addTableFlags, chosen, type TableFlags, tableOptions } from './table-flags.ts'

interface Flags extends TableFlags {
  readonly rounds: number
  readonly quick?: boolean
  readonly only?: readonly (WorkloadName | ExtraName | ChooserName)[]
}

const LOADS = [...WORKLOAD_NAMES, ...EXTRA_NAMES]
const CHOOSERS = [...DEFAULT_CHOOSERS, ...OTHER_CHOOSERS]

export function addCacheCommand(bench: Command, start: (options: CacheOptions) => Promise<void>): void {
  const command = bench
    .command('cache')
    .description(
      'Compare how much of the prompts is found in prefix caches: with the gateway, other routers, and a load that knows best.',
    )
    .option('--rounds <n>', 'Rounds of each load; the table has their medians.', wholeBetween(1, 20), 1)
    .option('--quick', 'Send few requests: shows that everything works, but not how well.')
    .option(
      '--only <names>',
      'Loads and choosers to run, separated by commas; may be repeated.',
      namesOf([...LOADS, ...CHOOSERS]),
    )
  addTableFlags(command)
    .addHelpText('after', `\nLoads: ${LOADS.join(', ')}\nChoosers: ${DEFAULT_CHOOSERS.join(', ')}`)
    .addHelpText('after', `Choosers that run only if they are named: ${OTHER_CHOOSERS.join(', ')}`)
    .action((flags: Flags) => start(optionsOf(flags)))
}

function optionsOf({ rounds, quick, only = [], ...table }: Flags): CacheOptions {
  const loads = chosen(LOADS, only)
  return {
    workloads: WORKLOAD_NAMES.filter(name => loads.includes(name)),
    extras: EXTRA_NAMES.filter(name => loads.includes(name)),
    choosers: chosen(CHOOSERS, only, DEFAULT_CHOOSERS),
    rounds,
    isQuick: quick === true,
    ...tableOptions(table),
  }
}
