/** The schedulers of an engine, one per data-parallel rank, and what peers see of them. Their number never changes. */
import { DecodeScheduler } from '../scheduler/decode-scheduler.ts'
import { MixedScheduler } from '../scheduler/mixed-scheduler.ts'
import { PrefillScheduler } from '../scheduler/prefill-scheduler.ts'
import { RankedScheduler } from '../scheduler/ranked-scheduler.ts'
import type { Scheduler, SchedulerHost } from '../sequence/scheduler.ts'
import type { Fabric } from '../transfer/fabric.ts'
import { PrefillRanks } from '../transfer/prefill-ranks.ts'
import type { Role } from './engine-state.ts'

export interface EngineRanks {
  /** By rank. */
  readonly schedulers: readonly Scheduler[]
  /** Hands each request to its rank. */
  readonly scheduler: Scheduler
  /** Of a prefill engine. */
  readonly prefill: PrefillRanks | undefined
  /** Of a decode engine, by rank. */
  readonly decodes: readonly DecodeScheduler[]
}

export function createRanks(role: Role, host: SchedulerHost, fabric: Fabric): EngineRanks {
  const indexes = [...Array(Math.max(1, host.knobs.dpSize)).keys()]
  const prefills = role === 'prefill' ? indexes.map(() => new PrefillScheduler(host, fabric)) : []
  const decodes = role === 'decode' ? indexes.map(() => new DecodeScheduler(host, fabric)) : []
  const mixed = role === 'mixed' ? indexes.map(() => new MixedScheduler(host)) : []
  const schedulers = [...prefills, ...decodes, ...mixed]
  const [first] = schedulers
  const isSingle = first !== undefined && schedulers.length === 1
  const isPrefill = role === 'prefill'
  const rooms = prefills.map(prefill => prefill.rooms)
  return {
    schedulers,
    scheduler: isSingle ? first : new RankedScheduler(host, schedulers, isPrefill),
    prefill: isPrefill ? new PrefillRanks(host, rooms) : undefined,
    decodes,
  }
}
