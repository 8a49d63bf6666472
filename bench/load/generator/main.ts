/** Entry of a generator process: generates its share of the load and reports progress a few times a second. */

import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { messageOf } from '../../../src/core/text/error-text.ts'
import { Generator } from './generator.ts'
import type { FromGenerator, ToGenerator } from './process-messages.ts'

const PROGRESS_MS = 250

let generator: Generator | undefined
let lastLoop: EventLoopUtilization = performance.eventLoopUtilization()
let lastCpu = cpuNow()

process.on('message', (message: ToGenerator) => void onMessage(message))
// The parent is gone, so nothing reads the results.
process.on('disconnect', () => process.exit(1))
// Ctrl-C reaches the whole process group; the parent decides when to stop.
process.on('SIGINT', () => undefined)

async function onMessage(message: ToGenerator): Promise<void> {
  switch (message.kind) {
    case 'plan':
      return prepare(message)
    case 'start':
      return run(message.atMs)
    case 'stop':
      generator?.stop()
  }
}

function prepare({ plan, share, sources }: Extract<ToGenerator, { kind: 'plan' }>): void {
  try {
    generator = new Generator(plan, share, sources)
    send({ kind: 'ready' })
  } catch (error) {
    send({ kind: 'refused', message: messageOf(error) })
  }
}

async function run(atMs: number): Promise<void> {
  const timer = setInterval(sendProgress, PROGRESS_MS)
  lastLoop = performance.eventLoopUtilization()
  lastCpu = cpuNow()
  await generator?.run(atMs)
  clearInterval(timer)
  sendProgress()
  send({ kind: 'done' })
}

function sendProgress(): void {
  if (generator === undefined) return
  const loop = performance.eventLoopUtilization()
  const busyShare = performance.eventLoopUtilization(loop, lastLoop).utilization
  lastLoop = loop
  const cpu = cpuNow()
  const cpuShare = (cpu.usedMs - lastCpu.usedMs) / Math.max(1, cpu.atMs - lastCpu.atMs)
  lastCpu = cpu
  send({ kind: 'progress', ...generator.take(), inFlight: generator.inFlight, busyShare, cpuShare })
}

function cpuNow(): { readonly usedMs: number; readonly atMs: number } {
  const { user, system } = process.cpuUsage()
  return { usedMs: (user + system) / 1000, atMs: performance.now() }
}

function send(message: FromGenerator): void {
  process.send?.(message)
}
