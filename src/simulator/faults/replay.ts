/**
 * Replays a fault script on a fleet: applies each event at its time, undoes it at its end, and undoes all when stopped.
 *
 * The fleet must be started with the preset and knobs of the script, see `scriptKnobs`.
 */
import { type Random, seededRandom } from '../../core/random.ts'
import { REAL_CLOCK, type SimClock, type TimerHandle } from '../clock/clock.ts'
import type { HealthState, Role } from '../engine/engine-state.ts'
import type { SimEngine } from '../engine.ts'
import { type EngineName, matchingNames, namedEngines } from '../engine-names.ts'
import type { SimulatedFleet } from '../fleet.ts'
import { presetKnobs } from '../presets.ts'
import type { Knobs } from '../settings/knobs.ts'
import type { FaultEvent, FaultScript } from './fault-script.ts'
import { KnobLayers } from './knob-layers.ts'

/** The knobs with which a script starts an engine of this role. */
export function scriptKnobs({ preset, knobs }: FaultScript, role: Role): Partial<Knobs> {
  return { ...presetKnobs(preset, role), ...knobs }
}

export interface ReplayOptions {
  readonly clock?: SimClock
  /** Called with a description of each change. */
  readonly onChange?: (text: string) => void
}

const HEALTH = {
  restart: 'dead',
  hang: 'blackhole',
  stall: 'stalled',
  drain: 'draining',
} as const satisfies Record<string, HealthState>

type Undo = () => unknown

export class FaultReplay {
  readonly #fleet: SimulatedFleet
  readonly #clock: SimClock
  readonly #random: Random
  readonly #onChange: (text: string) => void
  readonly #engines: ReadonlyMap<EngineName, SimEngine>
  readonly #layers: ReadonlyMap<EngineName, KnobLayers>
  readonly #timers = new Set<TimerHandle>()
  readonly #undos = new Set<Undo>()

  /** Starts at once. @throws RangeError if the script refers to an engine that the fleet does not have. */
  constructor(
    script: FaultScript,
    fleet: SimulatedFleet,
    { clock = REAL_CLOCK, onChange }: ReplayOptions = {},
  ) {
    this.#fleet = fleet
    this.#clock = clock
    this.#random = seededRandom(script.seed)
    this.#onChange = onChange ?? (() => undefined)
    this.#engines = namedEngines(fleet)
    this.#layers = new Map([...this.#engines].map(([name, engine]) => [name, new KnobLayers(engine.knobs)]))
    for (const event of script.events) this.#targetsOf(event)
    for (const event of script.events) this.#plan(event, event.atSecs * 1000, 0)
  }

  /** Stops the replay and undoes all changes. Resolves when crashed engines have restarted. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) this.#clock.clearTimeout(timer)
    this.#timers.clear()
    const undos = [...this.#undos]
    this.#undos.clear()
    await Promise.all(undos.map(undo => undo()))
  }

  /** Schedules an occurrence of the event. `round` is the number of earlier ones. */
  #plan(event: FaultEvent, inMs: number, round: number): void {
    this.#after(inMs + this.#random() * event.jitterSecs * 1000, () => {
      if (event.everySecs !== undefined) this.#plan(event, event.everySecs * 1000, round + 1)
      this.#begin(event, round)
    })
  }

  #begin(event: FaultEvent, round: number): void {
    const targets = this.#targetsOf(event)
    const turn = targets[round % targets.length]
    const names = event.do !== 'break-pair' && event.inTurn && turn !== undefined ? [turn] : targets
    this.#onChange(
      `${event.do} ${names.join(' ')}${event.do === 'set' ? ` ${JSON.stringify(event.knobs)}` : ''}`,
    )
    const undos =
      event.do === 'break-pair'
        ? this.#breakPairs(event, names)
        : names.map(name => this.#change(event, name))
    const undo: Undo = () => Promise.all(undos.map(undoOne => undoOne()))
    this.#undos.add(undo)
    if (event.forSecs === undefined) return
    this.#after(event.forSecs * 1000, () => {
      if (!this.#undos.delete(undo)) return
      this.#onChange(`end of ${event.do} ${names.join(' ')}`)
      void undo()
    })
  }

  #targetsOf(event: FaultEvent): readonly EngineName[] {
    const patterns = event.do === 'break-pair' ? [event.prefill, event.decode] : [event.engines]
    return matchingNames([...this.#engines.keys()], patterns)
  }

  #change(event: Exclude<FaultEvent, { do: 'break-pair' }>, name: EngineName): Undo {
    if (event.do === 'set') return this.#layers.get(name)?.add(event.knobs) ?? (() => undefined)
    const engine = this.#engines.get(name)
    void engine?.setHealth(HEALTH[event.do])
    return () => engine?.setHealth('up')
  }

  #breakPairs(event: Extract<FaultEvent, { do: 'break-pair' }>, names: readonly EngineName[]): Undo[] {
    const prefills = matchingNames(names, [event.prefill]).map(name => this.#engines.get(name))
    const decodes = matchingNames(names, [event.decode]).map(name => this.#engines.get(name))
    const set = (ms: number): void => {
      for (const prefill of prefills)
        for (const decode of decodes) if (prefill && decode) this.#fleet.breakPair(prefill, decode, ms)
    }
    set(Infinity)
    return [() => set(0)]
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }
}
