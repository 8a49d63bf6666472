/**
 * What is known of one engine, from `/server_info` (`/get_server_info` in older versions of SGLang) and `/v1/models`.
 *
 * The two are asked independently, so that one that fails or takes long does not withhold the other. The last answer of
 * each counts until there is a new one, or until the other shows that the engine has changed. An engine without an endpoint
 * is used as configured. `/server_info` is answered by the scheduler of the engine, which may be busy, so a poll of it does
 * not wait long, and its failure means nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../../core/text/error-text.ts'
import { parseObject } from '../../core/text/parse-json.ts'
import { type EngineInfo, type Fields, listedNames, parseEngineInfo } from './engine-info.ts'
import type { GetResponse } from './http-get.ts'

/** Sends a GET request for a path to the engine. */
export type EngineGet = (path: string, timeoutMs: number) => Promise<GetResponse>

type Source = 'server' | 'models'

/** In order of preference. The second path is that of older engines. */
const PATHS: Readonly<Record<Source, readonly string[]>> = {
  server: ['/server_info', '/get_server_info'],
  models: ['/v1/models'],
}

/** `/server_info` waits for the scheduler, which may be busy with a long prefill. `/v1/models` waits for nothing. */
const TIMEOUT_MS: Readonly<Record<Source, number>> = { server: 60_000, models: 10_000 }
const POLL_TIMEOUT_MS = 10_000

/** Statuses of a path that a server does not have. Any other is a passing or a configured refusal. */
export const NOT_SERVED: ReadonlySet<number> = new Set([404, 405, 410, 501])

const SOURCES = Object.keys(PATHS).length

/** What of an answer counts. The rest may differ each time. */
const MEANING: Readonly<Record<Source, (fields: Fields) => unknown>> = {
  server: fields => parseEngineInfo(fields, {}),
  models: listedNames,
}

type Answer =
  /** Without fields if the engine does not serve the path, or serves something else there. */
  | { readonly fields: Fields }
  /** `isUp`: the engine has responded, but not with what was asked for. */
  | { readonly gap: string; readonly isUp: boolean }

export class EngineFacts {
  readonly #get: EngineGet
  readonly #onAnswer: () => void
  readonly #known: Record<Source, Fields> = { server: {}, models: {} }
  /** Sources that have answered since the last `read` began. */
  readonly #fresh = new Set<Source>()
  readonly #gaps = new Map<Source, string>()
  readonly #asking = new Map<Source, Promise<void>>()
  #isUp = false
  #isReading = false
  /** A source has answered something else than before the last `read` began: what has not answered since may be outdated. */
  #hasChanged = false

  /**
   * `onAnswer` is called when `info` has changed, also by an answer that comes after `read` has ended. If the engine has
   * changed, it is called when both sources have answered or `read` has ended, not with half of what is to be known.
   */
  constructor(get: EngineGet, onAnswer: () => void) {
    this.#get = get
    this.#onAnswer = onAnswer
  }

  /** What has been answered so far. */
  get info(): EngineInfo {
    const { server, models } = this.#known
    // What only the process before a restart has reported must not add a model name to those of the new one.
    const isOld = (source: Source): boolean => this.#hasChanged && !this.#fresh.has(source)
    const named = isOld('server') ? { ...server, served_model_name: undefined } : server
    return parseEngineInfo(named, isOld('models') ? {} : models)
  }

  /** What could not be found out, with the reason. Empty if everything is known. */
  get gaps(): readonly string[] {
    return [...this.#gaps.values()]
  }

  /** Whether the engine has answered at least one question. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Asks for everything. Resolves when both sources have answered or failed, or after `patienceMs`. Never rejects. */
  async read(patienceMs: number): Promise<void> {
    this.#fresh.clear()
    this.#isUp = false
    this.#hasChanged = false
    this.#isReading = true
    const asked = Promise.all([this.#ask('server'), this.#ask('models')])
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, patienceMs)
    await Promise.race([asked, late])
    clearTimeout(timer)
    this.#isReading = false
    if (this.#hasChanged && this.#fresh.size < SOURCES) this.#onAnswer()
    for (const source of this.#asking.keys())
      this.#gaps.set(source, `${PATHS[source][0]} has not responded for ${patienceMs} ms`)
  }

  /** Asks for the models and, if `isFull`, for everything else. Returns whether any of it has changed. A failure is no change. */
  async hasChanged(isFull: boolean): Promise<boolean> {
    return (await this.#hasNews('models')) || (isFull && (await this.#hasNews('server')))
  }

  async #hasNews(source: Source): Promise<boolean> {
    const answer = await this.#answerOf(source, POLL_TIMEOUT_MS)
    return 'fields' in answer && this.#isNews(source, answer.fields)
  }

  #isNews(source: Source, fields: Fields): boolean {
    const meaningOf = MEANING[source]
    return !isDeepStrictEqual(meaningOf(fields), meaningOf(this.#known[source]))
  }

  /** A question that is still open is not asked again. */
  #ask(source: Source): Promise<void> {
    const asking = this.#asking.get(source) ?? this.#settle(source)
    this.#asking.set(source, asking)
    return asking
  }

  async #settle(source: Source): Promise<void> {
    const answer = await this.#answerOf(source, TIMEOUT_MS[source])
    this.#asking.delete(source)
    if ('gap' in answer) {
      this.#gaps.set(source, answer.gap)
      this.#isUp ||= answer.isUp
      return
    }
    this.#gaps.delete(source)
    this.#isUp = true
    this.#fresh.add(source)
    this.#hasChanged ||= this.#isNews(source, answer.fields)
    this.#known[source] = answer.fields
    if (!this.#isReading || !this.#hasChanged || this.#fresh.size === SOURCES) this.#onAnswer()
  }

  async #answerOf(source: Source, timeoutMs: number): Promise<Answer> {
    for (const path of PATHS[source]) {
      const answer = await this.#answerAt(path, timeoutMs)
      if (answer !== undefined) return answer
    }
    return { fields: {} }
  }

  /** `undefined` if the engine does not serve the path. */
  async #answerAt(path: string, timeoutMs: number): Promise<Answer | undefined> {
    try {
      const { status, body } = await this.#get(path, timeoutMs)
      const fields = status === 200 ? parseObject(body) : undefined
      if (fields !== undefined) return { fields }
      if (status === 200 && !isPage(body))
        return { gap: `${path} responded with something else than a JSON object`, isUp: true }
      if (status === 401 || status === 403)
        return { gap: `${path} asks for a key (status ${status}): set engines.apiKey`, isUp: true }
      if (status === 200 || NOT_SERVED.has(status)) return undefined
      return { gap: `${path} responded with ${status}`, isUp: status < 500 }
    } catch (error) {
      return { gap: `${path}: ${messageOf(error)}`, isUp: false }
    }
  }
}

/** Some servers answer paths that they do not serve with a page. */
function isPage(body: string): boolean {
  return body.trimStart().startsWith('<')
}
