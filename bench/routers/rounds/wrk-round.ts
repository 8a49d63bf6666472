/** One round of wrk against one target. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Child } from '../../../src/process/child-process.ts'
import { LOAD_CORE } from '../../process/cores.ts'
import { readCpuUs, readRssMib } from '../../process/process-cost.ts'
import { type RouterSample, wrkSample } from '../costs/sample.ts'
import { parseWrkOutput, wrkArguments, wrkScript } from '../loads/wrk.ts'
import { isStream, roundSeconds, type WrkShape } from '../loads/wrk-loads.ts'
import type { Target } from '../start/running-router.ts'
import { setPace, untilSettled } from './canned-control.ts'

export interface WrkRoundOptions {
  readonly folder: string
  /** URL of one of the canned engines. */
  readonly cannedUrl: string
  readonly seconds: number
  readonly signal: AbortSignal
}

/** wrk hangs when it runs for this long beyond the round. */
const WRK_GRACE_MS = 40_000

/** Sets up wrk and the canned engines for a shape, until the next call. */
export async function prepareRounds(
  options: Pick<WrkRoundOptions, 'folder' | 'cannedUrl'>,
  shape: WrkShape,
): Promise<void> {
  writeFileSync(scriptPath(options), wrkScript(shape))
  await setPace(options.cannedUrl, shape.chunkIntervalMs ?? 0)
}

/** @throws Error when wrk prints no result or streams do not end, or `signal` aborts. */
export async function measureRound(
  options: WrkRoundOptions,
  shape: WrkShape,
  target: Target,
): Promise<RouterSample> {
  const { cannedUrl } = options
  const chunksBefore = (await untilSettled(cannedUrl)).chunks
  const cpuBefore = readCpuUs(target.pid)
  const result = parseWrkOutput(await runWrk(options, shape, target.url))
  const chunks = (await untilSettled(cannedUrl)).chunks - chunksBefore
  const sample = {
    cpuUs: readCpuUs(target.pid) - cpuBefore,
    // The engines' count includes the chunks of streams that the end of the round cut off; wrk's does not.
    units: isStream(shape) ? chunks : result.requests,
    requestsPerSecond: (result.requests * 1000) / result.durationMs,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssMib: readRssMib(target.pid),
    errors: result.statusErrors + result.socketErrors,
  }
  return wrkSample(sample, result)
}

async function runWrk(options: WrkRoundOptions, shape: WrkShape, url: string): Promise<string> {
  const seconds = roundSeconds(shape, options.seconds)
  const args = wrkArguments({ shape, url, scriptPath: scriptPath(options), seconds })
  const limit = AbortSignal.timeout(seconds * 1000 + WRK_GRACE_MS)
  const wrk = Child.start({ program: 'wrk', args, core: LOAD_CORE, stdout: 'pipe' })
  return wrk.untilEnd(AbortSignal.any([options.signal, limit]))
}

function scriptPath({ folder }: Pick<WrkRoundOptions, 'folder'>): string {
  return join(folder, 'request.lua')
}
