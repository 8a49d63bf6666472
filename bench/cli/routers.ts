/** Flags of `pd-gateway bench routers`. */
import type { Command } from 'commander'
import { namesOf, wholeBetween } from '../flags/values.ts'
import { LOAD_NAMES, type LoadName, ROUTER_NAMES, type RouterName } from '../routers/loads/names.ts'
import type { RoutersOptions } from '../routers/run-routers.ts'

interface Flags {
  readonly rounds: number
  readonly passes: number
  readonly seconds: number
  readonly only?: readonly (LoadName | RouterName)[]
  readonly markdown?: boolean
  readonly json?: boolean
  readonly check?: boolean
  readonly write?: string
}

export function addRoutersCommand(bench: Command, start: (options: RoutersOptions) => Promise<void>): void {
  bench
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
    .option('--markdown', 'Print the table as Markdown.')
    .option('--json', 'Print the results as JSON.')
    .option('--check', 'Exit with 1 when a goal of the gateway is missed.')
    .option('--write <file>', 'Replace the table in this Markdown document.')
    .addHelpText('after', `\nLoads: ${LOAD_NAMES.join(', ')}\nRouters: ${ROUTER_NAMES.join(', ')}`)
    .action((flags: Flags) => start(optionsOf(flags)))
}

function optionsOf({
  rounds,
  passes,
  seconds,
  only = [],
  markdown,
  json,
  check,
  write,
}: Flags): RoutersOptions {
  return {
    rounds,
    passes,
    seconds,
    loads: chosen(LOAD_NAMES, only),
    routers: chosen(ROUTER_NAMES, only),
    format: json === true ? 'json' : markdown === true ? 'markdown' : 'text',
    check: check === true,
    write,
  }
}

/** The names of one kind that `--only` lists; all of them if it lists none of that kind. */
function chosen<T extends string>(names: readonly T[], only: readonly string[]): readonly T[] {
  const named = names.filter(name => only.includes(name))
  return named.length === 0 ? names : named
}
