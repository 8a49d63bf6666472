/** The machine of a run and the versions of its programs, as text. Pure. */
import type { Machine } from './machine.ts'

export function machineText({
  date,
  cpu,
  cores,
  memoryGib,
  kernel,
  openFiles,
  stealPercent,
}: Machine): string {
  const steal = `${stealPercent.toFixed(1)}% steal time`
  return `${date}: ${cores} x ${cpu}, ${memoryGib} GiB, ${kernel}, ${openFiles} open files, ${steal}.`
}

/** `versions`: program -> version, or why it is not known. */
export function versionsText(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}
