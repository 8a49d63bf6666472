/** Figures and expectations of the requests behind each log. Pure. */
import type { RequestRecord } from '../load/records/record.ts'
import { alignedText } from '../report/aligned-text.ts'
import { figure, whole } from '../report/figures.ts'
import { percentileOf, sorted } from '../report/percentiles.ts'
import { atLeast, atMost, type Expectation } from '../scenarios/expectations.ts'

/** What happened while the log of the gateway went to one place. */
export interface LogResult {
  readonly name: string
  /** Whether every line can be written. */
  readonly isSound: boolean
  readonly records: readonly RequestRecord[]
  /** Log lines that the gateway counted as lost. */
  readonly lostLines: number
  /** Why the process ended after its SIGTERM. */
  readonly exitReason: string
}

/**
 * What latencies differ in between two gateways whose logs can be written: as a multiple, with some milliseconds for the
 * shortest. The longest of 2,000 requests depends on what else the machine does in that moment.
 */
const NOISE = 1.25
const LONGEST_NOISE = 2
const NOISE_MS = 25
const MIN_FAILED_SHARE = 0.4

export function logExpectations(results: readonly LogResult[], requests: number): Expectation[] {
  const sound = results.filter(({ isSound }) => isSound)
  const soundMs = sound.flatMap(latenciesMs)
  return results.flatMap(result => {
    const { name, isSound, records, lostLines, exitReason } = result
    const failed = records.filter(({ status }) => status === 500).length
    const unanswered = requests - records.filter(({ status }) => status === 200 || status === 500).length
    const fates = [
      atMost(`${name}: requests without a response`, unanswered, 0),
      atLeast(`${name}: share of failures`, failed / requests, MIN_FAILED_SHARE),
      atMost(`${name}: other exits than with code 0`, exitReason === 'code 0' ? 0 : 1, 0),
    ]
    if (isSound) return [...fates, atMost(`${name}: lost lines`, lostLines, 0)]
    return [
      ...fates,
      atLeast(`${name}: lost lines`, lostLines, 1),
      ...[50, 99, 100].map(percent =>
        atMost(
          `${name}: latency, ${percent === 100 ? 'longest' : `p${percent}`}`,
          percentileOf(sorted(latenciesMs(result)), percent),
          percentileOf(sorted(soundMs), percent) * (percent === 100 ? LONGEST_NOISE : NOISE) + NOISE_MS,
          ' ms',
        ),
      ),
    ]
  })
}

export function logText(results: readonly LogResult[]): string {
  return alignedText([
    [
      'log',
      'requests',
      'status 200',
      '500',
      'latency p50 ms',
      'p90',
      'p99',
      'p99.9',
      'longest',
      'lost lines',
    ],
    ...results.map(result => [
      result.name,
      whole(result.records.length),
      ...[200, 500].map(wanted => whole(result.records.filter(({ status }) => status === wanted).length)),
      ...[50, 90, 99, 99.9, 100].map(percent => figure(percentileOf(sorted(latenciesMs(result)), percent))),
      whole(result.lostLines),
    ]),
  ])
}

function latenciesMs({ records }: LogResult): number[] {
  return records.map(({ sentMs, endMs }) => endMs - sentMs)
}
