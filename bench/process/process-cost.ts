/** CPU and memory of a process, from the kernel's files in /proc. */
import { readFileSync } from 'node:fs'

/** Length of a clock tick: USER_HZ is 100 on every supported Linux. */
const TICK_US = 10_000

/** User and system CPU time of all threads since the process started, in microseconds, with a resolution of 10 ms. */
export function readCpuUs(pid: number): number {
  return parseCpuUs(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** Resident memory in MiB. */
export function readRssMib(pid: number): number {
  return parseRssMib(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

/** Share of CPU time, 0..1, that the host took from this machine between two readings of /proc/stat. */
export function stealShare(before: string, after: string): number {
  const [from, to] = [machineTicks(before), machineTicks(after)]
  const total = to.total - from.total
  return total === 0 ? 0 : (to.steal - from.steal) / total
}

/** The process name may contain blanks and brackets, so fields are counted from the last `)`. */
export function parseCpuUs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [utime, stime] = [Number(fields[11]), Number(fields[12])]
  if (Number.isNaN(utime + stime)) throw new Error('Not a line of /proc/PID/stat')
  return (utime + stime) * TICK_US
}

export function parseRssMib(status: string): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status)
  if (match === null) throw new Error('No VmRSS in /proc/PID/status')
  return Number(match[1]) / 1024
}

function machineTicks(stat: string): { total: number; steal: number } {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number)
  // Guest time, the last two fields, is already part of user time.
  const total = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0)
  return { total, steal: fields[7] ?? 0 }
}
