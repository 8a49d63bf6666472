/**
 * Fault scripts, which describe the faults of a fleet over time: the schema of `src/simulator/faults/*.yaml`, and a reader.
 *
 * The times of a script are seconds since the start of its replay, which is in `replay.ts`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ENGINE_PATTERN } from '../engine-names.ts'
import { PRESET_NAMES } from '../presets.ts'
import { knobChangesSchema } from '../settings/knobs.ts'

const secs = z.number().min(0)
const pattern = z.string().regex(ENGINE_PATTERN, 'must be "all", a role (prefill/*) or an engine (decode/1)')

const time = {
  atSecs: secs.default(0).describe('Time of the event.'),
  everySecs: secs.optional().describe('Interval at which the event repeats until the end of the script.'),
  jitterSecs: secs.default(0).describe('Maximum random delay of each occurrence.'),
  forSecs: secs
    .optional()
    .describe('Time after which the change is undone; by default at the end of the script.'),
}

const engines = {
  engines: pattern.default('all'),
  inTurn: z.boolean().default(false).describe('Each occurrence applies to one engine only, in turn.'),
}

const eventSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('set'), ...time, ...engines, knobs: knobChangesSchema }),
  z
    .strictObject({
      do: z.enum(['restart', 'hang', 'stall', 'drain']),
      ...time,
      ...engines,
    })
    .describe(
      'restart: crashes, restarts when undone. hang: accepts connections, sends nothing. stall: makes no progress. drain: fails health probes with 503.',
    ),
  z.strictObject({ do: z.literal('break-pair'), ...time, prefill: pattern, decode: pattern }),
])

const scriptSchema = z.strictObject({
  description: z.string().min(1),
  seed: z.int().default(1).describe('Seed of the random delays.'),
  preset: z.enum(PRESET_NAMES).default('calm'),
  knobs: knobChangesSchema
    .default({})
    .describe('Knobs of all engines from the start; they take precedence over the preset.'),
  events: z.array(eventSchema).default([]),
})

export type FaultScript = z.output<typeof scriptSchema>
export type FaultEvent = FaultScript['events'][number]

const ENDING = '.yaml'

/** The names of the scripts in this folder. */
export function faultScriptNames(): readonly string[] {
  const files = readdirSync(import.meta.dirname).filter(file => file.endsWith(ENDING))
  return files.map(file => file.slice(0, -ENDING.length)).toSorted()
}

/** Reads a script by the name of one in this folder, or by the path of a .yaml file. @throws Error if it is missing or invalid. */
export function readFaultScript(nameOrPath: string): FaultScript {
  const isName = faultScriptNames().includes(nameOrPath)
  if (!isName && !nameOrPath.endsWith(ENDING))
    throw new Error(
      `No such fault script: ${nameOrPath}; expected a .yaml file or one of ${faultScriptNames().join(', ')}`,
    )
  const path = isName ? join(import.meta.dirname, `${nameOrPath}${ENDING}`) : nameOrPath
  return parseFaultScript(readFileSync(path, 'utf8'), nameOrPath)
}

export function parseFaultScript(text: string, name: string): FaultScript {
  const parsed = scriptSchema.safeParse(parse(text))
  if (parsed.success) return parsed.data
  throw new Error(`Invalid fault script ${name}:\n${z.prettifyError(parsed.error)}`)
}
