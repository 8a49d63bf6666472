/** A set of simulated engines in one process, joined by one fabric. */
import { REAL_CLOCK, type SimClock } from './clock/clock.ts'
import type { Role } from './engine/engine-state.ts'
import { SimEngine } from './engine.ts'
import { type Knobs, knobsWith } from './settings/knobs.ts'
import { Fabric } from './transfer/fabric.ts'

export interface FleetOptions {
  /** How many engines of each role; none when absent. */
  readonly prefill?: number
  readonly decode?: number
  readonly mixed?: number
  /** Address to listen at, 127.0.0.1 when absent. */
  readonly host?: string
  /**
   * First of a run of consecutive ports: engines in the order prefill, decode, mixed, then the bootstrap
   * servers. 0 or absent: any free ports.
   */
  readonly basePort?: number
  readonly knobs?: Partial<Knobs>
  /** Knobs of one engine, on top of those of all. */
  readonly knobsFor?: (role: Role, index: number) => Partial<Knobs>
  readonly clock?: SimClock
}

export interface SimulatedFleet {
  readonly prefill: readonly SimEngine[]
  readonly decode: readonly SimEngine[]
  readonly mixed: readonly SimEngine[]
  /** Every transfer from one engine to the other fails for `ms`; 0 heals. */
  breakPair(prefill: SimEngine, decode: SimEngine, ms: number): void
  close(): Promise<void>
}

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
    engines.map((engine, at) => {
      const port = basePort === 0 ? 0 : basePort + at
      const ownBootstrap = engine.role === 'prefill' && bootstrapPort !== 0 ? bootstrapPort++ : 0
      return engine.start(port, ownBootstrap)
    }),
  )
}
