/** The machine and program versions of a load, without which its figures mean little. */
import { readFileSync } from 'node:fs'
import { arch, cpus, platform, release } from 'node:os'
import { z } from 'zod'
import type { Report } from '../report/schema.ts'

const packageSchema = z.object({ name: z.string(), version: z.string() })

export function environmentOf(): Report['environment'] {
  const { name, version } = packageSchema.parse(
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
  )
  const processors = cpus()
  return {
    program: `${name} ${version}`,
    node: process.version,
    system: `${platform()} ${arch()} ${release()}`,
    processors: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`,
  }
}
