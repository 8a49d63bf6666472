/** Entry of the process that holds a scenario's simulated engines; the channel brings orders, its end ends it. */
import type { SimEngine } from '../../simulator/engine.ts'
import { type Fleet, startFleet } from '../../simulator/fleet.ts'
import type { FromFleet, ToFleet } from './messages.ts'
import { type FleetPlan, knobsOf } from './plan.ts'
import { Trouble } from './trouble.ts'

const LOOK_MS = 5

let fleet: Fleet | undefined
let plan: FleetPlan | undefined
let trouble: Trouble | undefined
const peaks = new Map<SimEngine, number>()

process.on('message', (message: ToFleet) => void obey(message))
process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => undefined)
setInterval(lookAtPeaks, LOOK_MS)

async function obey(message: ToFleet): Promise<void> {
  switch (message.kind) {
    case 'open':
      return open(message.plan)
    case 'trouble':
      if (fleet !== undefined && plan !== undefined) trouble = new Trouble(fleet, plan)
      return undefined
    case 'calm':
      trouble?.stop()
      return undefined
    case 'counters':
      lookAtPeaks()
      tell({ kind: 'counters', engines: engines().map(countersOf) })
  }
}

async function open(wanted: FleetPlan): Promise<void> {
  try {
    plan = wanted
    fleet = await startFleet({ prefill: wanted.prefill, decode: wanted.decode, knobs: knobsOf(wanted) })
    const prefill = fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort }))
    tell({ kind: 'urls', prefill, decode: fleet.decode.map(({ url }) => url) })
  } catch (error) {
    tell({ kind: 'refused', message: error instanceof Error ? error.message : String(error) })
  }
}

function countersOf(engine: SimEngine) {
  const { received, crashes } = engine.counters
  const peakRunning = peaks.get(engine) ?? 0
  return {
    role: engine.role,
    received,
    crashes,
    running: engine.running(),
    peakRunning,
    capacity: engine.knobs.maxRunning,
  }
}

function lookAtPeaks(): void {
  for (const engine of engines()) peaks.set(engine, Math.max(peaks.get(engine) ?? 0, engine.running()))
}

function engines(): readonly SimEngine[] {
  return fleet === undefined ? [] : [...fleet.prefill, ...fleet.decode]
}

function tell(message: FromFleet): void {
  process.send?.(message)
}
