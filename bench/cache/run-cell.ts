/** Measures one workload with one chooser, on engines and routers that are started for it. */
import { FleetProcess } from '../environment/fleet/fleet-process.ts'
import { Generators } from '../load/generators.ts'
import { planSchema } from '../load/plan/plan.ts'
import { runLoadIn } from '../load/run-load.ts'
import type { PythonEnvironment } from '../routers/start/python-environment.ts'
import { type Cell, cellOf } from './cell.ts'
import { type Chooser, openChooser } from './choosers.ts'
import { WARM_UP, type Workload } from './workloads.ts'

export interface CellOptions {
  /** For files of the routers. */
  readonly folder: string
  readonly python: PythonEnvironment
  readonly signal: AbortSignal
}

/** @throws Error when an engine or a router does not start or ends. */
export async function runCell(workload: Workload, chooser: Chooser, options: CellOptions): Promise<Cell> {
  const fleet = await FleetProcess.start(workload.fleet)
  try {
    const open = await openChooser(chooser, fleet, options)
    const generators = new Generators(1)
    try {
      const { signal } = options
      await runLoadIn(generators, planSchema.parse({ ...WARM_UP, ...open.target }), { signal })
      const before = await fleet.counters()
      const plan = planSchema.parse({ ...workload.load, ...open.target })
      const result = await runLoadIn(generators, plan, { signal })
      const exitReason = open.exitReason()
      if (exitReason !== undefined) throw new Error(exitReason)
      return cellOf(result, before, await fleet.counters())
    } finally {
      generators.close()
      await open.close()
    }
  } finally {
    await fleet.close()
  }
}
