/** A report of `bench compare` for tests: two targets, two blocks, the second target a little slower. */
import type { CompareReport, CompareRound } from '../../../bench/report/compare-schema.ts'

export function compareReportOf(change: Partial<CompareReport> = {}): CompareReport {
  return {
    version: 2,
    kind: 'compare',
    startedAt: '2026-01-02T03:04:05.000Z',
    wasInterrupted: false,
    load: {
      endpoint: 'generate',
      isStream: true,
      connectionMode: 'keep-alive',
      concurrency: 64,
      requestsPerRound: 2000,
      processes: 1,
      areTokensChecked: true,
    },
    targets: [
      { name: 'before', url: 'http://127.0.0.1:30000', pid: 4711 },
      { name: 'after', url: 'http://127.0.0.1:30001', pid: 4712 },
    ],
    rounds: ['before', 'after', 'after', 'before', 'before', 'after', 'after', 'before'].map(
      (target, index) => roundOf(target, index),
    ),
    differences: [
      {
        metric: 'ttftP50Ms',
        base: 'before',
        target: 'after',
        pairs: 2,
        baseMedian: 12,
        targetMedian: 13.5,
        absolute: { median: 1.5, low: 1, high: 2 },
        ratio: { median: 1.125, low: 1.08, high: 1.17 },
        level: 0.99,
        holdsZero: false,
      },
      {
        metric: 'successPercent',
        base: 'before',
        target: 'after',
        pairs: 2,
        baseMedian: 100,
        targetMedian: 100,
        absolute: { median: 0, low: 0, high: 0 },
        ratio: { median: 1, low: 1, high: 1 },
        level: 0.99,
        holdsZero: true,
      },
    ],
    ...change,
  }
}

/** Figures of a round; the target `after` is the slower one. */
export function roundOf(target: string, index: number, change: Partial<CompareRound> = {}): CompareRound {
  const slower = target === 'after' ? 1.125 : 1
  return {
    index,
    target,
    block: Math.floor(index / 4),
    positionInBlock: index % 4,
    seed: 1 + Math.floor(index / 4),
    startedAtMs: index * 1500,
    durationSeconds: 1.2,
    requests: { sent: 2000, ok: 2000, failed: 0, refused: 0 },
    successPercent: 100,
    requestsPerSecond: 1700 / slower,
    ttftP50Ms: 12 * slower,
    ttftP99Ms: 30 * slower,
    latencyP50Ms: 40 * slower,
    latencyP99Ms: 80 * slower,
    cpuUsPerRequest: 110 * slower,
    rssBytes: 300 * 2 ** 20,
    isGeneratorLimit: false,
    ...change,
  }
}
