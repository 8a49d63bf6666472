/** Flags of the benches that compare routers in a table. */
import type { Command } from 'commander'

export interface TableFlags {
  readonly markdown?: boolean
  readonly json?: boolean
  readonly check?: boolean
  readonly write?: string
}

export interface TableOptions {
  readonly format: 'text' | 'markdown' | 'json'
  /** Exits with 1 when a goal is missed. */
  readonly check: boolean
  /** Document whose table is replaced. */
  readonly write: string | undefined
}

export function addTableFlags(command: Command): Command {
  return command
    .option('--markdown', 'Print the table as Markdown.')
    .option('--json', 'Print the results as JSON.')
    .option('--check', 'Exit with 1 when a goal of the gateway is missed.')
    .option('--write <file>', 'Replace the table in this Markdown document.')
}

export function tableOptions({ markdown, json, check, write }: TableFlags): TableOptions {
  const format = json === true ? 'json' : markdown === true ? 'markdown' : 'text'
  return { format, check: check === true, write }
}

/** The names of one kind that `--only` lists; `byDefault` if it lists none of that kind. */
export function chosen<T extends string>(
  names: readonly T[],
  only: readonly string[],
  byDefault: readonly T[] = names,
): readonly T[] {
  const named = names.filter(name => only.includes(name))
  return named.length === 0 ? byDefault : named
}
