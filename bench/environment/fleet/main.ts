/**
 * Entry of the process that runs a scenario's simulated engines. Commands arrive over the IPC channel; the process ends
 * with the channel.
 */
import { messageOf } from '../../../src/core/text/error-text.ts'
import type { SimEngine } from '../../../src/simulator/engine.ts'
import { readFaultScript } from '../../../src/simulator/faults/fault-script.ts'
import { FaultReplay } from '../../../src/simulator/faults/replay.ts'
import { type SimulatedFleet, startFleet } from '../../../src/simulator/fleet.ts'
import type { FromFleet, ToFleet } from './messages.ts'
import { type FleetPlan, knobsOf } from './plan.ts'

let fleet: SimulatedFleet | undefined
let plan: FleetPlan | undefined
let replay: FaultReplay | undefined

process.on('message', (message: ToFleet) => void onMessage(message))
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole process group; the scenario decides when the engines stop.
process.on('SIGINT', () => undefined)

async function onMessage(message: ToFleet): Promise<void> {
  switch (message.kind) {
    case 'open':
      return open(message.plan)
    case 'start-faults':
      return startFaults()
    case 'stop-faults':
      return replay?.stop()
    case 'drop-cache':
      return engines()
        .find(({ url }) => url === message.url)
        ?.scheduler.clearCache()
    case 'counters':
      send({ kind: 'counters', engines: engines().map(countersOf) })
  }
}

async function open(wanted: FleetPlan): Promise<void> {
  try {
    plan = wanted
    fleet = await startFleet({
      ...(wanted.mixed > 0 ? { mixed: wanted.mixed } : { prefill: wanted.prefill, decode: wanted.decode }),
      knobsFor: role => knobsOf(wanted, role),
    })
    const prefill = fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort }))
    const [decode, mixed] = [fleet.decode, fleet.mixed].map(list => list.map(({ url }) => url))
    send({ kind: 'urls', prefill, decode: decode ?? [], mixed: mixed ?? [] })
  } catch (error) {
    send({ kind: 'refused', message: messageOf(error) })
  }
}

function startFaults(): void {
  if (fleet === undefined || plan?.script === undefined) return
  replay = new FaultReplay(readFaultScript(plan.script), fleet)
}

function countersOf(engine: SimEngine) {
  const { received, restarts, peakRunning, computedTokens } = engine.counters
  return {
    role: engine.role,
    received,
    restarts,
    running: engine.running(),
    peakRunning,
    capacity: engine.knobs.maxRunning,
    computedTokens,
  }
}

function engines(): readonly SimEngine[] {
  return fleet === undefined ? [] : [...fleet.prefill, ...fleet.decode, ...fleet.mixed]
}

function send(message: FromFleet): void {
  process.send?.(message)
}
