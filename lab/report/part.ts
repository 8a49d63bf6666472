/** The parts of a lab: each makes checks, and one that fails does not keep the next ones from running. */
import { messageOf } from '../../src/core/text/error-text.ts'

/** What a part found. */
export interface PartResult {
  readonly part: string
  /** Checks that were made. */
  readonly cases: number
  /** Names of the checks that failed, each with what was seen. */
  readonly wrong: readonly string[]
  readonly seconds: number
}

export interface Part {
  readonly name: string
  /** Adds one check per case. If it throws, that is one failed check more. */
  readonly run: (checks: Checks) => Promise<void>
}

/** Counts the checks of a part and keeps those that failed. */
export class Checks {
  readonly wrong: string[] = []
  #cases = 0
  readonly #log: (line: string) => void

  constructor(log: (line: string) => void = () => undefined) {
    this.#log = log
  }

  get cases(): number {
    return this.#cases
  }

  /** Reports what a part has measured. */
  note(text: string): void {
    this.#log(`  ${text}`)
  }

  /** Adds a check; `problem` says what was seen instead of what was expected, undefined if all is right. */
  add(name: string, problem: string | undefined): void {
    this.#cases++
    if (problem === undefined) return
    this.wrong.push(`${name}: ${problem}`)
    this.#log(`  wrong: ${name}: ${problem}`)
  }
}

/**
 * Runs the parts one after another and reports each one's result to `log` when it ends. After `signal` is aborted no
 * other part begins.
 */
export async function runParts(
  parts: readonly Part[],
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<PartResult[]> {
  const results: PartResult[] = []
  for (const part of parts) {
    if (signal.aborted) break
    log(`${part.name} …`)
    const result = await resultOf(part, log)
    results.push(result)
    const { cases, wrong, seconds } = result
    log(`${part.name}: ${cases - wrong.length} of ${cases} right, ${Math.round(seconds)} s`)
  }
  return results
}

async function resultOf({ name, run }: Part, log: (line: string) => void): Promise<PartResult> {
  const startMs = performance.now()
  const checks = new Checks(log)
  try {
    await run(checks)
  } catch (error) {
    checks.add('the part', `ended early: ${messageOf(error)}`)
  }
  const seconds = (performance.now() - startMs) / 1000
  return { part: name, cases: checks.cases, wrong: checks.wrong, seconds }
}
