/** CPU and memory of a target's process, from the kernel. */
import { readCpuUs, readRssMib } from '../process/process-cost.ts'

export interface ProcessUse {
  /** CPU time since the process started. */
  readonly cpuUs: number
  /** Resident memory now. */
  readonly rssBytes: number
}

/** @throws Error when there is no such process, or it has ended and is a zombie. */
export function useOf(name: string, pid: number): ProcessUse {
  try {
    return { cpuUs: readCpuUs(pid), rssBytes: Math.round(readRssMib(pid) * 2 ** 20) }
  } catch (cause) {
    throw new Error(`Process ${pid} does not exist (--pid ${name}=${pid})`, { cause })
  }
}
