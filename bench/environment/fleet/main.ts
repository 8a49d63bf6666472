/** Entry of the process that holds a scenario's simulated engines; the channel brings orders, its end ends it. */
import { messageOf } from '../../../src/core/error-text.ts'
import type { SimEngine } from '../../../src/simulator/engine.ts'
import { readFaultScript } from '../../../src/simulator/faults/fault-script.ts'
import { FaultReplay } from '../../../src/simulator/faults/replay.ts'
import { type SimulatedFleet, startFleet } from '../../../src/simulator/fleet.ts'
import type { FromFleet, ToFleet } from './messages.ts'
import { type FleetPlan, knobsOf } from './plan.ts'

let fleet: SimulatedFleet | undefined
let plan: FleetPlan | undefined
let trouble: FaultReplay | undefined

process.on('message', (message: ToFleet) => void obey(message))
process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => undefined)

async function obey(message: ToFleet): Promise<void> {
  switch (message.kind) {
    case 'open':
      return open(message.plan)
    case 'trouble':
      return beginTrouble()
    case 'calm':
      return trouble?.stop()
    case 'counters':
      tell({ kind: 'counters', engines: engines().map(countersOf) })
  }
}

async function open(wanted: FleetPlan): Promise<void> {
  try {
    plan = wanted
    fleet = await startFleet({
      prefill: wanted.prefill,
      decode: wanted.decode,
      knobsFor: role => knobsOf(wanted, role),
    })
    const prefill = fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort }))
    tell({ kind: 'urls', prefill, decode: fleet.decode.map(({ url }) => url) })
  } catch (error) {
    tell({ kind: 'refused', message: messageOf(error) })
  }
}

function beginTrouble(): void {
  if (fleet === undefined || plan?.script === undefined) return
  trouble = new FaultReplay(readFaultScript(plan.script), fleet)
}

function countersOf(engine: SimEngine) {
  const { received, restarts, peakRunning } = engine.counters
  return {
    role: engine.role,
    received,
    restarts,
    running: engine.running(),
    peakRunning,
    capacity: engine.knobs.maxRunning,
  }
}

function engines(): readonly SimEngine[] {
  return fleet === undefined ? [] : [...fleet.prefill, ...fleet.decode]
}

function tell(message: FromFleet): void {
  process.send?.(message)
}
