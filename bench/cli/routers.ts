/** Flags of `npm run bench -- peers`. Does not start anything. */
import { parseArgs } from 'node:util'
import { boundedInteger } from '../bounded-integer.ts'
import { LOAD_NAMES } from '../routers/loads/loads.ts'
import { ROUTERS } from '../routers/start/router-list.ts'

export interface PeersOptions {
  readonly rounds: number
  readonly passes: number
  readonly seconds: number
  readonly loads: readonly string[]
  readonly routers: readonly string[]
  readonly form: 'text' | 'markdown' | 'json'
  /** Exit code 1 when an aim is missed. */
  readonly check: boolean
  /** Document whose table is replaced. */
  readonly write: string | undefined
}

const ROUTER_NAMES = ROUTERS.map(({ name }) => name)

/** @throws RangeError for a value that is out of bounds or unknown. */
export function parsePeersOptions(args: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      passes: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string', multiple: true, default: [] },
      markdown: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      write: { type: 'string' },
    },
  })
  const only = values.only.flatMap(text => text.split(','))
  return {
    rounds: boundedInteger('rounds', values.rounds, [1, 100]),
    passes: boundedInteger('passes', values.passes, [1, 20]),
    seconds: boundedInteger('seconds', values.seconds, [1, 60]),
    ...chosen(only),
    form: values.json ? 'json' : values.markdown ? 'markdown' : 'text',
    check: values.check,
    write: values.write,
  }
}

/** `--only` takes loads and routers; of a kind of which it names none, all. */
function chosen(only: readonly string[]): Pick<PeersOptions, 'loads' | 'routers'> {
  const unknown = only.find(name => !LOAD_NAMES.includes(name) && !ROUTER_NAMES.includes(name))
  if (unknown !== undefined)
    throw new RangeError(`--only knows ${[...LOAD_NAMES, ...ROUTER_NAMES].join(', ')}, not "${unknown}"`)
  const of = (names: readonly string[]) => {
    const named = names.filter(name => only.includes(name))
    return named.length === 0 ? names : named
  }
  return { loads: of(LOAD_NAMES), routers: of(ROUTER_NAMES) }
}
