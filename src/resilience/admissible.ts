/**
 * Which engines of a role a request may go to, by the standing of their breakers. Pure.
 *
 *   a sound engine is left ──▶ sound engines, also while they are full
 *     and all are full     ──▶ the first attempt of a request probes an excluded engine early, one request at a time
 *   none is left           ──▶ panic: those whose last request went well, and early probes; else all
 *
 * However many engines are excluded, requests do not go on to fail there while a sound engine has room. A retry has
 * failed once already, so it probes nothing while there is a sound engine: it waits for room there.
 */

/**
 * What the breaker of an engine allows. `probe`: one request, as the time of exclusion is over. `early`: one request,
 * but only if the role needs the engine now. `open`: none.
 */
export type Standing = 'closed' | 'probe' | 'early' | 'open'

export interface EngineView<Item> {
  readonly standingOf: (engine: Item) => Standing
  /** Whether the last request that counted went well. */
  readonly isProven: (engine: Item) => boolean
  /** Whether the engine can take the request now. */
  readonly hasRoom: (engine: Item) => boolean
}

export interface Terms {
  readonly isRetry: boolean
  /** Share of the engines, 0..1, that may be excluded while the others have no room: above it, some are probed early. */
  readonly maxEjectedShare: number
}

export interface Admissible<Item> {
  readonly engines: readonly Item[]
  /** Whether an engine that is not proven needs an early probe. */
  readonly probesEarly: boolean
}

/** `engines`: the healthy engines of one role. The result is empty only if they are. */
export function admissible<Item>(
  engines: readonly Item[],
  view: EngineView<Item>,
  { isRetry, maxEjectedShare }: Terms,
): Admissible<Item> {
  const standings = engines.map(view.standingOf)
  const having = (...wanted: readonly Standing[]): Item[] =>
    engines.filter((_, at) => wanted.includes(standings[at] ?? 'open'))
  const closed = having('closed')
  if (isRetry && closed.length > 0) return { engines: closed, probesEarly: false }
  const sound = having('closed', 'probe')
  if (sound.length === 0) return inPanic(engines, having('early'), view)
  const mayStayOut = engines.length - sound.length <= engines.length * maxEjectedShare
  if (isRetry || mayStayOut || sound.some(view.hasRoom)) return { engines: sound, probesEarly: false }
  const early = having('early').filter(view.hasRoom)
  return early.length > 0 ? { engines: early, probesEarly: true } : { engines: sound, probesEarly: false }
}

/** No engine is sound: a request that may fail is better than none. */
function inPanic<Item>(
  engines: readonly Item[],
  early: readonly Item[],
  { isProven, hasRoom }: EngineView<Item>,
): Admissible<Item> {
  const proven = engines.filter(isProven)
  if (!proven.some(hasRoom)) return { engines, probesEarly: false }
  return {
    engines: engines.filter(engine => proven.includes(engine) || early.includes(engine)),
    probesEarly: true,
  }
}
