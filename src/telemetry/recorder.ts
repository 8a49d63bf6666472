/**
 * Records metrics for one thread, in its own row of shared memory. Hot path: it allocates nothing and takes no lock.
 *
 * Rows outlive their threads: a thread that takes over a row continues its counters, so that no counter ever decreases.
 */
import type { SharedMemory } from '../shared/layout.ts'
import type {
  CounterMetric,
  EngineCounterMetric,
  EngineLabelOf,
  GaugeMetric,
  HistogramMetric,
  LabelOf,
} from './metric-catalogue.ts'
import { type CellPlan, planCells } from './metric-cells.ts'

export class Recorder {
  readonly #plan: CellPlan
  readonly #bucketsSecs: readonly number[]
  readonly #cells: Float64Array

  /**
   * `row` is 0 for the main thread, 1 to N for router threads and N + 1 for the control thread. A row has one recorder
   * at a time. Counters of a previous recorder are kept, and its gauges are reset to 0.
   */
  constructor(shared: SharedMemory, row: number) {
    this.#plan = planCells(shared.maxEngines, shared.bucketsSecs.length)
    this.#bucketsSecs = shared.bucketsSecs
    const { cellsPerRow } = this.#plan
    // Shared memory may have no metrics. Writes beyond the end of the empty array then have no effect.
    const hasMetrics = shared.metrics.byteLength > 0
    this.#cells = hasMetrics
      ? new Float64Array(shared.metrics, row * cellsPerRow * Float64Array.BYTES_PER_ELEMENT, cellsPerRow)
      : new Float64Array(0)
    for (const cell of this.#plan.gauges.values()) this.#cells[cell] = 0
  }

  count<Metric extends CounterMetric>(name: Metric, label: LabelOf<Metric> | '' = '', amount = 1): void {
    this.#add(this.#plan.counters.get(name)?.get(label), amount)
  }

  countEngine<Metric extends EngineCounterMetric>(
    name: Metric,
    slot: number,
    label: EngineLabelOf<Metric> | '' = '',
    amount = 1,
  ): void {
    const first = this.#plan.engineCounters.get(name)?.get(label)
    this.#add(first === undefined ? undefined : first + slot, amount)
  }

  observe(name: HistogramMetric, seconds: number): void {
    const first = this.#plan.histograms.get(name)
    if (first === undefined) return
    const bounds = this.#bucketsSecs
    let bucket = 0
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++
    this.#add(first + bucket, 1)
    this.#add(first + bounds.length + 1, seconds)
  }

  /** Sets this thread's part of the gauge. */
  set(name: GaugeMetric, value: number): void {
    const cell = this.#plan.gauges.get(name)
    if (cell !== undefined) this.#cells[cell] = value
  }

  #add(cell: number | undefined, amount: number): void {
    if (cell !== undefined) this.#cells[cell] = (this.#cells[cell] ?? 0) + amount
  }
}
