/**
 * Sums of the cells over all rows, at the moment of reading. Cells are written without locks: sums of metrics that
 * change together may differ by what happens while they are read.
 */
import { metricRows, type SharedMemory } from '../shared/layout.ts'
import { type CellPlan, planCells } from './metric-cells.ts'

export class MetricReader {
  readonly plan: CellPlan
  readonly bucketsSecs: readonly number[]
  readonly #maxEngines: number
  readonly #cells: Float64Array
  readonly #baseRow: number

  constructor(shared: SharedMemory) {
    this.bucketsSecs = shared.bucketsSecs
    this.plan = planCells(shared.maxEngines, shared.bucketsSecs.length)
    this.#maxEngines = shared.maxEngines
    this.#cells = new Float64Array(shared.metrics)
    this.#baseRow = metricRows(shared.maxThreads).base
  }

  /** Of a counter, gauge or histogram. */
  sum(cell: number): number {
    let sum = 0
    for (let row = 0; row < this.#baseRow; row++) sum += this.#at(row, cell)
    return sum
  }

  /** What the engine in the slot has had since it got the slot. `first`: cell of slot 0. */
  engineSum(first: number, slot: number): number {
    return this.sum(first + slot) - this.#at(this.#baseRow, first + slot)
  }

  /** Control thread only, when the slot goes to another engine: its counters start at 0. */
  rebase(slot: number): void {
    const { firstEngineCell, cellsPerRow } = this.plan
    for (let cell = firstEngineCell + slot; cell < cellsPerRow; cell += this.#maxEngines) {
      this.#cells[this.#baseRow * cellsPerRow + cell] = this.sum(cell)
    }
  }

  #at(row: number, cell: number): number {
    return this.#cells[row * this.plan.cellsPerRow + cell] ?? 0
  }
}
