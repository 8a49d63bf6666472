/** The lab with client programs, bench tools and front proxies of other projects: `npm run lab -- clients`. */
import type { LabContext, LabRun } from '../report/lab.ts'
import { runParts } from '../report/part.ts'
import { CLIENT_PARTS } from './parts.ts'
import { type Row, tableOf } from './results/rows.ts'
import { PartRun, RUN_PART } from './run-parts.ts'

/** Every part starts and stops its own gateway and engines. */
export async function runClientsLab(context: LabContext): Promise<LabRun> {
  const found = { rows: [] as Row[], versions: {} as Record<string, string> }
  const parts = CLIENT_PARTS.filter(name => context.parts.includes(name)).map(name => ({
    name,
    run: (checks: ConstructorParameters<typeof PartRun>[2]) =>
      RUN_PART[name](new PartRun(context, found, checks)),
  }))
  const results = await runParts(parts, context.signal, context.log)
  return { versions: { Node: process.versions.node }, results, table: tableOf(found.rows, found.versions) }
}
