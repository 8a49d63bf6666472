/**
 * A closed loop of requests whose texts are known. It runs until it is stopped, through whatever happens to the engines
 * meanwhile.
 */
import { type Answer, send } from '../../client/request.ts'
import type { Case } from '../cases/case.ts'
import { outputOf } from './output-text.ts'

export interface LoadTarget {
  readonly url: string
  readonly signal: AbortSignal
}

export interface Known {
  readonly question: Case
  readonly text: string
}

export interface LoadCounts {
  readonly right: number
  /** Streams that ended with an error after a right beginning. */
  readonly broken: number
  /** What was seen instead, with the name of the request. */
  readonly wrong: readonly string[]
  readonly slowestSeconds: number
  /** Engine -> requests that it answered, as the gateway names it. */
  readonly engines: ReadonlyMap<string, number>
}

const LIMIT_MS = 180_000

/** Asks each question once, in sequence. @throws Error if one is not answered. */
export async function knownTexts(questions: readonly Case[], { url, signal }: LoadTarget): Promise<Known[]> {
  const known: Known[] = []
  for (const question of questions) {
    const answer = await send({ ...question, url: `${url}${question.path}`, signal })
    const { text, isWhole } = outputOf(answer)
    if (!isWhole || text === '') throw new Error(`${question.name}: no text to compare with: ${seen(answer)}`)
    known.push({ question, text })
  }
  return known
}

export class CheckedLoad {
  readonly #target: LoadTarget
  readonly #known: readonly Known[]
  readonly #clients: Promise<void>[]
  readonly #engines = new Map<string, number>()
  readonly #wrong: string[] = []
  #next = 0
  #right = 0
  #broken = 0
  #slowestSeconds = 0
  #isStopped = false

  /** Starts at once. */
  constructor(target: LoadTarget, known: readonly Known[], clients: number) {
    this.#target = target
    this.#known = known
    this.#clients = Array.from({ length: clients }, () => this.#client())
  }

  /** Requests that have ended. */
  get ended(): number {
    return this.#right + this.#broken + this.#wrong.length
  }

  /** Requests that the engine has answered. */
  answeredBy(engineUrl: string): number {
    return this.#engines.get(engineUrl) ?? 0
  }

  /** Resolves when all open requests have ended. */
  async stop(): Promise<LoadCounts> {
    this.#isStopped = true
    await Promise.all(this.#clients)
    return {
      right: this.#right,
      broken: this.#broken,
      wrong: this.#wrong,
      slowestSeconds: this.#slowestSeconds,
      engines: this.#engines,
    }
  }

  async #client(): Promise<void> {
    while (!this.#isStopped && !this.#target.signal.aborted) {
      const known = this.#known[this.#next++ % this.#known.length]
      if (known !== undefined) await this.#ask(known)
    }
  }

  async #ask({ question, text }: Known): Promise<void> {
    const { url, signal } = this.#target
    const answer = await send({ ...question, url: `${url}${question.path}`, signal, limitMs: LIMIT_MS })
    if (signal.aborted) return
    this.#countEngines(answer)
    const output = outputOf(answer)
    if (output.isWhole && !output.hasError && output.text === text) this.#right++
    else if (!output.isWhole && output.hasError && isBeginning(output.text, text)) this.#broken++
    else this.#wrong.push(`${question.name}: ${seen(answer)}, expected ${JSON.stringify(text)}`)
  }

  #countEngines({ headers, seconds }: Answer): void {
    this.#slowestSeconds = Math.max(this.#slowestSeconds, seconds)
    for (const engine of headers['x-pdgw-engines']?.split(', ') ?? [])
      this.#engines.set(engine, this.answeredBy(engine) + 1)
  }
}

/** A stream that is broken off has shown something: nothing is lost before the first token. */
function isBeginning(text: string, whole: string): boolean {
  return text !== '' && whole.startsWith(text)
}

function seen({ status, end, seconds, body }: Answer): string {
  return `status ${status}, ${end} after ${seconds.toFixed(1)} s: ${JSON.stringify(body.slice(-400))}`
}
