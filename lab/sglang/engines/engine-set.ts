/** The engines of the lab: started when they are first needed, used again by later parts. */
import { Engine, type EngineKind, type EngineTools } from './engine.ts'

export class EngineSet {
  readonly #tools: EngineTools
  readonly #log: (line: string) => void
  readonly #engines = new Map<string, Engine>()

  constructor(tools: EngineTools, log: (line: string) => void) {
    this.#tools = tools
    this.#log = log
  }

  /** Running engines of these kinds, in their order. They start at the same time. @throws Error if one does not start. */
  async running(...kinds: readonly EngineKind[]): Promise<Engine[]> {
    const starts = await Promise.allSettled(kinds.map(kind => this.#running(kind)))
    return starts.map(start => {
      if (start.status === 'rejected') throw start.reason
      return start.value
    })
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#engines.values()].map(engine => engine.stop()))
    this.#engines.clear()
  }

  async #running(kind: EngineKind): Promise<Engine> {
    const known = this.#engines.get(kind.name)
    if (known?.isRunning === true) return known
    const startMs = performance.now()
    const engine = known ?? (await Engine.start(kind, this.#tools))
    this.#engines.set(kind.name, engine)
    // A part that has failed may have left it ended.
    if (!engine.isRunning) await engine.restart()
    this.#log(`  ${kind.name} is up after ${Math.round((performance.now() - startMs) / 1000)} s`)
    return engine
  }
}
