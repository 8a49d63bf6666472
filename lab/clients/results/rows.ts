/** Rows of the table of this lab: each is one program with everything that was checked with it. */
import type { Checks } from '../../report/part.ts'

export interface Finding {
  /** What was looked at. */
  readonly what: string
  readonly expected: string
  readonly seen: string
  readonly isRight: boolean
  /** What the table shows of it, if it is more than right or wrong. */
  readonly figure?: string
}

export interface Row extends Finding {
  readonly program: string
}

/** Takes the findings of one program: for its row of the table, and as checks of the part. */
export class ProgramRows {
  readonly #program: string
  readonly #rows: Row[]
  readonly #checks: Checks
  readonly #log: (line: string) => void

  constructor(program: string, rows: Row[], checks: Checks, log: (line: string) => void) {
    this.#program = program
    this.#rows = rows
    this.#checks = checks
    this.#log = log
  }

  add(finding: Finding): void {
    const { what, expected, seen, isRight } = finding
    this.#rows.push({ program: this.#program, ...finding })
    if (isRight) this.#log(`  ${this.#program}: ${what}: ${seen}`)
    this.#checks.add(`${this.#program}: ${what}`, isRight ? undefined : `${seen} instead of ${expected}`)
  }

  /** Adds a finding that is right if both texts are the same. An exception of `see` is something seen, too. */
  async compare(what: string, expected: string, see: () => Promise<string> | string): Promise<void> {
    const seen = await seenBy(see)
    this.add({ what, expected, seen, isRight: seen === expected })
  }
}

async function seenBy(see: () => Promise<string> | string): Promise<string> {
  try {
    return await see()
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

/** The table: a head and a row for each program, in the order in which they ran. */
export function tableOf(rows: readonly Row[], versions: Readonly<Record<string, string>>): string[][] {
  const programs = [...new Set(rows.map(({ program }) => program))]
  const cells = (name: string) => {
    const own = rows.filter(({ program }) => program === name)
    const right = own.filter(({ isRight }) => isRight).length
    const figures = own.flatMap(({ figure }) => figure ?? [])
    return [name, versions[name] ?? '', String(own.length), String(right), figures.join('; ')]
  }
  return [['program', 'version', 'checks', 'right', 'figures'], ...programs.map(cells)]
}
