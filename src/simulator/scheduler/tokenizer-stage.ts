/**
 * The step between a request's arrival and its scheduler. The tokenizer has one thread and holds up everything in its
 * process meanwhile: an abort that comes is heard when the prompt has reached the scheduler, never before, never not at all.
 */
import type { Scheduler } from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'

export function submitTo(scheduler: Scheduler, sequence: Sequence): void {
  if (sequence.ending !== undefined) return
  sequence.isSubmitted = true
  scheduler.submit(sequence)
  if (sequence.isAbortWanted) abortIn(scheduler, sequence)
}

export function abortIn(scheduler: Scheduler, sequence: Sequence): void {
  if (sequence.ending !== undefined) return
  if (sequence.isSubmitted) scheduler.abort(sequence)
  else sequence.isAbortWanted = true
}
