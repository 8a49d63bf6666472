/** One round of wrk against one target. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOAD_CORE } from '../../process/cores.ts'
import { readCpuUs, readRssMib } from '../../process/process-cost.ts'
import { runWrk } from '../../wrk/run-wrk.ts'
import { wrkScript } from '../../wrk/wrk.ts'
import { type RouterSample, wrkSample } from '../costs/sample.ts'
import { bodyOf, isStream, roundSeconds, type WrkShape } from '../loads/wrk-loads.ts'
import type { Target } from '../start/running-router.ts'
import { setPace, untilSettled } from './canned-control.ts'

export interface WrkRoundOptions {
  readonly folder: string
  /** URL of one of the canned engines. */
  readonly cannedUrl: string
  readonly seconds: number
  readonly signal: AbortSignal
}

/** Sets up wrk and the canned engines for a shape, until the next call. */
export async function prepareRounds(
  options: Pick<WrkRoundOptions, 'folder' | 'cannedUrl'>,
  shape: WrkShape,
): Promise<void> {
  writeFileSync(scriptPath(options), wrkScript({ body: bodyOf(shape) }))
  await setPace(options.cannedUrl, shape.chunkIntervalMs ?? 0)
}

/** @throws Error when wrk prints no result or streams do not end, or `signal` aborts. */
export async function measureRound(
  options: WrkRoundOptions,
  shape: WrkShape,
  target: Target,
): Promise<RouterSample> {
  const { cannedUrl, signal } = options
  const chunksBefore = (await untilSettled(cannedUrl)).chunks
  const cpuBefore = readCpuUs(target.pid)
  const seconds = roundSeconds(shape, options.seconds)
  const run = { url: target.url, connections: shape.connections, scriptPath: scriptPath(options), seconds }
  const result = await runWrk(run, signal, { core: LOAD_CORE })
  const chunks = (await untilSettled(cannedUrl)).chunks - chunksBefore
  const sample = {
    cpuUs: readCpuUs(target.pid) - cpuBefore,
    // The engines' count includes the chunks of streams that the end of the round cut off; wrk's does not.
    units: isStream(shape) ? chunks : result.requests,
    requestsPerSecond: (result.requests * 1000) / result.durationMs,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssMib: readRssMib(target.pid),
    errors: result.statusErrors + result.connectErrors + result.transferErrors,
  }
  return wrkSample(sample, result)
}

function scriptPath({ folder }: Pick<WrkRoundOptions, 'folder'>): string {
  return join(folder, 'request.lua')
}
