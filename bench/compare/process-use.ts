/** What the process of a target has used, by the kernel's count. */
import { readCpuUs, readRssMib } from '../process/process-cost.ts'

export interface ProcessUse {
  /** Since it started. */
  readonly cpuUs: number
  /** Now. */
  readonly rssBytes: number
}

/** @throws Error when there is no such process, or it has ended and only its entry is left. */
export function useOf(name: string, pid: number): ProcessUse {
  try {
    return { cpuUs: readCpuUs(pid), rssBytes: Math.round(readRssMib(pid) * 2 ** 20) }
  } catch (cause) {
    throw new Error(`there is no process ${pid} (--pid ${name}=${pid})`, { cause })
  }
}
