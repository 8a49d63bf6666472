/** Labels and formats of the metrics of a comparison, in text and page, and which direction is better. */
import type { CompareMetric } from './compare-schema.ts'
import { figure } from './figures.ts'

export interface MetricFormat {
  readonly label: string
  readonly unit: string
  readonly divisor: number
  readonly isMoreBetter: boolean
}

export const METRIC_FORMATS: Readonly<Record<CompareMetric, MetricFormat>> = {
  successPercent: { label: 'correct responses', unit: '%', divisor: 1, isMoreBetter: true },
  requestsPerSecond: { label: 'throughput', unit: ' requests/s', divisor: 1, isMoreBetter: true },
  ttftP50Ms: { label: 'TTFT p50', unit: ' ms', divisor: 1, isMoreBetter: false },
  ttftP99Ms: { label: 'TTFT p99', unit: ' ms', divisor: 1, isMoreBetter: false },
  latencyP50Ms: { label: 'latency p50', unit: ' ms', divisor: 1, isMoreBetter: false },
  latencyP99Ms: { label: 'latency p99', unit: ' ms', divisor: 1, isMoreBetter: false },
  cpuUsPerRequest: { label: 'CPU per request', unit: ' µs', divisor: 1, isMoreBetter: false },
  rssBytes: { label: 'memory (RSS)', unit: ' MiB', divisor: 2 ** 20, isMoreBetter: false },
}

export function metricText(metric: CompareMetric, value: number): string {
  const { unit, divisor } = METRIC_FORMATS[metric]
  return figure(value / divisor) + unit
}

/** 1.125 becomes `+12.5%`. A bound of an interval may be negative and is shown as 0. */
export function ratioText(ratio: number): string {
  const change = (Math.max(0, ratio) - 1) * 100
  const sign = change > 0 ? '+' : change < 0 ? '−' : '±'
  const size = Math.abs(change)
  return `${sign}${size.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)}%`
}
