/** Brings the waves and restarts of a plan over a fleet, until told to stop; then all is as it was before. */
import type { SimEngine } from '../../simulator/engine.ts'
import type { Fleet } from '../../simulator/fleet.ts'
import { type Knobs, knobsSchema } from '../../simulator/knobs.ts'
import { type FleetPlan, knobsOf } from './plan.ts'

type Wave = FleetPlan['waves'][number]
type Restart = FleetPlan['restarts'][number]

export class Trouble {
  readonly #fleet: Fleet
  readonly #base: Knobs
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(fleet: Fleet, plan: FleetPlan) {
    this.#fleet = fleet
    this.#base = knobsOf(plan)
    for (const wave of plan.waves) this.#start(wave)
    for (const restart of plan.restarts) this.#later(restart.atMs, () => void this.#restart(restart))
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    for (const engine of [...this.#fleet.prefill, ...this.#fleet.decode])
      Object.assign(engine.knobs, this.#base)
  }

  #start(wave: Wave): void {
    const changed = knobsSchema.parse({ ...this.#base, ...wave.knobs })
    let count = 0
    const timer = setInterval(() => {
      const engines = this.#fleet[wave.role]
      const engine = engines[count++ % engines.length]
      if (engine === undefined) return
      Object.assign(engine.knobs, changed)
      this.#later(wave.forMs, () => Object.assign(engine.knobs, this.#base))
    }, wave.everyMs)
    this.#timers.add(timer)
  }

  async #restart({ role, index, downMs }: Restart): Promise<void> {
    const engine: SimEngine | undefined = this.#fleet[role][index]
    await engine?.crash()
    this.#later(downMs, () => void engine?.restart())
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }
}
