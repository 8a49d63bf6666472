/**
 * Sums metric cells over all rows at the time of reading. Cells are written without locks, so metrics that change
 * together may differ by what happens during the read.
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

  /** Sum of the cell of a counter, gauge or histogram over all threads. */
  sum(cell: number): number {
    let sum = 0
    for (let row = 0; row < this.#baseRow; row++) sum += this.#read(row, cell)
    return sum
  }

  /** Count for the engine in the slot since it was assigned the slot. `first` is the cell of slot 0. */
  engineSum(first: number, slot: number): number {
    return this.sum(first + slot) - this.#read(this.#baseRow, first + slot)
  }

  /** Restarts the counters of a slot at 0, because it is assigned to another engine. Control thread only. */
  rebase(slot: number): void {
    const { firstEngineCell, cellsPerRow } = this.plan
    for (let cell = firstEngineCell + slot; cell < cellsPerRow; cell += this.#maxEngines) {
      this.#cells[this.#baseRow * cellsPerRow + cell] = this.sum(cell)
    }
  }

  #read(row: number, cell: number): number {
    return this.#cells[row * this.plan.cellsPerRow + cell] ?? 0
  }
}
