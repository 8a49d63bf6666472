/**
 * Fault scripts: what goes wrong with a fleet, and when. The schema of `src/simulator/faults/*.yaml`, and their reader.
 *
 * A script is a list of events on a time line of seconds that begins when the replay does. Playing it is `replay.ts`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ENGINE_PATTERN } from '../engine-names.ts'
import { PRESET_NAMES } from '../presets.ts'
import { knobChangesSchema } from '../settings/knobs.ts'

const secs = z.number().min(0)
const pattern = z.string().regex(ENGINE_PATTERN, 'must be all, prefill/*, decode/1 or the like')

const time = {
  atSecs: secs.default(0).describe('First time.'),
  everySecs: secs.optional().describe('Again after so long, for ever.'),
  jitterSecs: secs.default(0).describe('Each time comes later by up to so much, by seeded chance.'),
  forSecs: secs.optional().describe('Undone after so long; without it: at the end of the script.'),
}

const engines = {
  engines: pattern.default('all'),
  inTurn: z.boolean().default(false).describe('Each time only one of the engines, the next one.'),
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
      'restart: dies, comes back when undone. hang: takes connections, says nothing. stall: computes nothing. drain: answers its health probe with 503.',
    ),
  z.strictObject({ do: z.literal('break-pair'), ...time, prefill: pattern, decode: pattern }),
])

const scriptSchema = z.strictObject({
  description: z.string().min(1),
  seed: z.int().default(1).describe('Of the jitter.'),
  preset: z.enum(PRESET_NAMES).default('calm'),
  knobs: knobChangesSchema.default({}).describe('Of all engines from the start, on top of the preset.'),
  events: z.array(eventSchema).default([]),
})

export type FaultScript = z.output<typeof scriptSchema>
export type FaultEvent = FaultScript['events'][number]

const ENDING = '.yaml'

/** The scripts that come with the project. */
export function faultScriptNames(): readonly string[] {
  const files = readdirSync(import.meta.dirname).filter(file => file.endsWith(ENDING))
  return files.map(file => file.slice(0, -ENDING.length)).toSorted()
}

/** By its name, or by the path of a file of one's own. @throws Error, in words for whoever named it. */
export function readFaultScript(nameOrPath: string): FaultScript {
  const isName = faultScriptNames().includes(nameOrPath)
  if (!isName && !nameOrPath.endsWith(ENDING))
    throw new Error(`there is no fault script ${nameOrPath}; there are ${faultScriptNames().join(', ')}`)
  const path = isName ? join(import.meta.dirname, `${nameOrPath}${ENDING}`) : nameOrPath
  return parseFaultScript(readFileSync(path, 'utf8'), nameOrPath)
}

export function parseFaultScript(text: string, name: string): FaultScript {
  const parsed = scriptSchema.safeParse(parse(text))
  if (parsed.success) return parsed.data
  throw new Error(`fault script ${name}: ${z.prettifyError(parsed.error)}`)
}
