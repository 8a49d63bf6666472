/** Runs a script that uses a client library, and takes the checks that it prints as rows of the table. */
import { z } from 'zod'
import type { ProgramRows } from '../results/rows.ts'
import type { Target } from '../target/target.ts'
import { type LimitedRun, runLimited } from './run-limited.ts'

const findingSchema = z.object({
  what: z.string(),
  expected: z.string(),
  seen: z.string(),
  isRight: z.boolean(),
})

/** Key that the engines of this lab want of every client. */
export const ENGINE_KEY = 'lab-key'

/** @throws Error if the script does not end well; what it found until then is among the rows. */
export async function runScript(rows: ProgramRows, target: Target, run: LimitedRun): Promise<void> {
  const env = {
    LAB_GATEWAY: target.url,
    LAB_ADMIN: target.adminUrl,
    LAB_CONTROL: target.controlUrl,
    LAB_KEY: ENGINE_KEY,
    ...run.env,
  }
  const { exitReason, stdout, stderr } = await runLimited({ ...run, env })
  for (const line of stdout.split('\n').filter(text => text.startsWith('{')))
    rows.add(findingSchema.parse(JSON.parse(line)))
  if (exitReason !== 'code 0')
    throw new Error(`${run.args.join(' ')} failed (${exitReason}): ${stderr.slice(-1500)}`)
}
