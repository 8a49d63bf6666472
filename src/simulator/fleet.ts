/** A set of simulated engines in one process, connected by one fabric. */
import { REAL_CLOCK, type SimClock } from './clock/clock.ts'
import type { Role } from './engine/engine-state.ts'
import { SimEngine } from './engine.ts'
import { type Knobs, knobsWith } from './settings/knobs.ts'
import { Fabric } from './transfer/fabric.ts'

export interface FleetOptions {
  /** Number of engines of each role; 0 by default. */
  readonly prefill?: number
  readonly decode?: number
  readonly mixed?: number
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string
  /**
   * First of the consecutive ports of the prefill, decode and mixed engines, followed by those of the bootstrap servers.
   * 0, the default, takes free ports.
   */
  readonly basePort?: number
  readonly knobs?: Partial<Knobs>
  /** Knobs of one engine; they take precedence over `knobs`. */
  readonly knobsFor?: (role: Role, index: number) => Partial<Knobs>
  readonly clock?: SimClock
}

export interface SimulatedFleet {
  readonly prefill: readonly SimEngine[]
  readonly decode: readonly SimEngine[]
  readonly mixed: readonly SimEngine[]
  /** Lets every KV transfer from `prefill` to `decode` fail for `ms`; 0 repairs the pair. */
  breakPair(prefill: SimEngine, decode: SimEngine, ms: number): void
  close(): Promise<void>
}

/** Resolves when all engines listen. @throws if a port is in use or a knob is invalid; no engine is left running then. */
export async function startFleet(options: FleetOptions): Promise<SimulatedFleet> {
  const fabric = new Fabric()
  const clock = options.clock ?? REAL_CLOCK
  const host = options.host ?? '127.0.0.1'
  const engines: SimEngine[] = []
  const create = (role: Role, count: number): SimEngine[] =>
    Array.from({ length: count }, (_, index) => {
      const knobs = knobsWith({ ...options.knobs, ...options.knobsFor?.(role, index) })
      const engine = new SimEngine({ role, index: engines.length, host, knobs, clock, fabric })
      engines.push(engine)
      return engine
    })
  const prefill = create('prefill', options.prefill ?? 0)
  const decode = create('decode', options.decode ?? 0)
  const mixed = create('mixed', options.mixed ?? 0)
  const close = async () => void (await Promise.all(engines.map(engine => engine.close())))
  try {
    await startAll(engines, options.basePort ?? 0)
  } catch (error) {
    await close()
    throw error
  }
  return {
    prefill,
    decode,
    mixed,
    breakPair: (from, to, ms) => {
      fabric.link(from.name, to.name).brokenUntilMs = clock.now() + ms
    },
    close,
  }
}

async function startAll(engines: readonly SimEngine[], basePort: number): Promise<void> {
  let bootstrapPort = basePort === 0 ? 0 : basePort + engines.length
  await Promise.all(
    engines.map((engine, index) => {
      const port = basePort === 0 ? 0 : basePort + index
      const ownBootstrap = engine.role === 'prefill' && bootstrapPort !== 0 ? bootstrapPort++ : 0
      return engine.start(port, ownBootstrap)
    }),
  )
}
