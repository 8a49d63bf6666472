/**
 * The tokenizer between the arrival of a request and its scheduler. It blocks its process while it works, so an abort that
 * arrives meanwhile takes effect as soon as the scheduler has received the prompt.
 */
import type { Scheduler } from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'

export function submitTo(scheduler: Scheduler, sequence: Sequence): void {
  if (sequence.ending !== undefined) return
  sequence.submitted = true
  scheduler.submit(sequence)
  if (sequence.abortRequested) abortIn(scheduler, sequence)
}

export function abortIn(scheduler: Scheduler, sequence: Sequence): void {
  if (sequence.ending !== undefined) return
  if (sequence.submitted) scheduler.abort(sequence)
  else sequence.abortRequested = true
}
