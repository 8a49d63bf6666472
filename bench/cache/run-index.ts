/** Runs the bench of the prefix index in a process of its own, whose memory is that of the index. */
import { join } from 'node:path'
import { z } from 'zod'
import { Child, nodeCommand } from '../../src/process/child-process.ts'

const MAIN = join(import.meta.dirname, '..', 'micro', 'prefix-index.ts')

const resultSchema = z.object({
  blocks: z.number().describe('Distinct blocks that were offered.'),
  rssMibFull: z.number().describe('Memory of the process when the index had just become full.'),
  rssMibEnd: z.number(),
  choiceP50Us: z.number().describe('Time of a choice: hashing the prompt, the index and the policy.'),
  choiceP99Us: z.number(),
})

export type IndexResult = z.output<typeof resultSchema>

/** @throws Error when the process fails. */
export async function runIndex(millionBlocks: number, signal: AbortSignal): Promise<IndexResult> {
  const child = Child.start({ ...nodeCommand(MAIN, [String(millionBlocks)]), stdout: 'pipe' })
  const output = await child.untilEnd(signal)
  if (output === '') throw new Error(`The bench of the prefix index ended: ${child.exitReason}`)
  return resultSchema.parse(JSON.parse(output))
}
