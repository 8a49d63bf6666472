/** Flags of `pd-gateway bench routers`. */
import type { Command } from 'commander'
import { namesOf, wholeBetween } from '../flags/values.ts'
import { LOAD_NAMES, type LoadName, ROUTER_NAMES, type RouterName } from '../routers/loads/names.ts'
import type { RoutersOptions } from '../routers/run-routers.ts'
import { addTableFlags, chosen, type TableFlags, tableOptions } from './table-flags.ts'

interface Flags extends TableFlags {
  readonly rounds: number
  readonly passes: number
  readonly seconds: number
  readonly only?: readonly (LoadName | RouterName)[]
}

export function addRoutersCommand(bench: Command, start: (options: RoutersOptions) => Promise<void>): void {
  const command = bench
    .command('routers')
    .alias('peers')
    .description('Compare the gateway with sglang-router, smg, vllm-router, haproxy and nginx. Needs wrk.')
    .option('--rounds <n>', 'Rounds of each load against canned engines.', wholeBetween(1, 100), 3)
    .option('--passes <n>', 'Rounds of each load against slow or stressed engines.', wholeBetween(1, 20), 1)
    .option('--seconds <n>', 'Length of a round.', wholeBetween(1, 60), 2)
    .option(
      '--only <names>',
      'Loads and routers to run, separated by commas; may be repeated.',
      namesOf([...LOAD_NAMES, ...ROUTER_NAMES]),
    )
  addTableFlags(command)
    .addHelpText('after', `\nLoads: ${LOAD_NAMES.join(', ')}\nRouters: ${ROUTER_NAMES.join(', ')}`)
    .action((flags: Flags) => start(optionsOf(flags)))
}

function optionsOf({ rounds, passes, seconds, only = [], ...table }: Flags): RoutersOptions {
  return {
    rounds,
    passes,
    seconds,
    loads: chosen(LOAD_NAMES, only),
    routers: chosen(ROUTER_NAMES, only),
    ...tableOptions(table),
  }
}
