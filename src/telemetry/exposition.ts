/**
 * Renders all metrics in the Prometheus text format 0.0.4, in the order of the catalogue. Stateless: engines, and the
 * gauges that are read elsewhere, are passed in.
 */
import { ENGINE_COUNTERS } from './engine-counters.ts'
import { COUNTERS, GAUGES, HISTOGRAMS, READ_GAUGES, type ReadGaugeMetric } from './metric-catalogue.ts'
import type { MetricReader } from './metric-reader.ts'

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type Labels = Readonly<Record<string, string>>

export interface GaugeSample {
  readonly labels: Labels
  readonly value: number
}

/** A gauge and the function that reads its samples. */
export interface GaugeSource {
  readonly name: ReadGaugeMetric
  readonly read: () => readonly GaugeSample[]
}

export interface ExposedEngine {
  readonly slot: number
  readonly url: string
  readonly role: string
}

export function exposition(
  reader: MetricReader,
  engines: readonly ExposedEngine[],
  sources: readonly GaugeSource[],
): string {
  const text = [
    ...counters(reader),
    ...engineCounters(reader, engines),
    ...gauges(reader, sources),
    ...histograms(reader),
  ]
  return `${text.join('\n')}\n`
}

/** `name{label="value"} number`, escaped as the format requires. */
export function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeValue(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`
}

/** The HELP and TYPE lines before the samples of a metric. */
export function headLines(name: string, type: string, help: string): string[] {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return [`# HELP ${name} ${escaped}`, `# TYPE ${name} ${type}`]
}

function* counters(reader: MetricReader): Generator<string> {
  for (const [name, { help, labels }] of Object.entries(COUNTERS)) {
    yield* headLines(name, 'counter', help)
    for (const [value, cell] of reader.plan.counters.get(name) ?? [])
      yield sampleLine(name, labelsOf(labels, value), reader.sum(cell))
  }
}

function* engineCounters(reader: MetricReader, engines: readonly ExposedEngine[]): Generator<string> {
  for (const [name, { help, labels }] of Object.entries(ENGINE_COUNTERS)) {
    yield* headLines(name, 'counter', help)
    for (const { slot, url, role } of engines) {
      for (const [value, first] of reader.plan.engineCounters.get(name) ?? []) {
        const allLabels = { engine: url, role, ...labelsOf(labels, value) }
        yield sampleLine(name, allLabels, reader.engineSum(first, slot))
      }
    }
  }
}

function* gauges(reader: MetricReader, sources: readonly GaugeSource[]): Generator<string> {
  for (const [name, { help }] of Object.entries(GAUGES)) {
    yield* headLines(name, 'gauge', help)
    const cell = reader.plan.gauges.get(name)
    if (cell !== undefined) yield sampleLine(name, {}, reader.sum(cell))
  }
  for (const { name, read } of sources) {
    yield* headLines(name, 'gauge', READ_GAUGES[name].help)
    for (const { labels, value } of read()) yield sampleLine(name, labels, value)
  }
}

function* histograms(reader: MetricReader): Generator<string> {
  const { bucketsSecs, plan } = reader
  for (const [name, { help }] of Object.entries(HISTOGRAMS)) {
    yield* headLines(name, 'histogram', help)
    const first = plan.histograms.get(name) ?? 0
    let count = 0
    for (const [index, bound] of [...bucketsSecs, Infinity].entries()) {
      count += reader.sum(first + index)
      yield sampleLine(`${name}_bucket`, { le: numberText(bound) }, count)
    }
    yield sampleLine(`${name}_sum`, {}, reader.sum(first + bucketsSecs.length + 1))
    yield sampleLine(`${name}_count`, {}, count)
  }
}

function labelsOf(names: readonly string[], value: string): Labels {
  const parts = value.split(' ')
  return Object.fromEntries(names.map((name, index) => [name, parts[index] ?? '']))
}

function escapeValue(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
