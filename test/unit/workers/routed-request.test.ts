/** What may happen to a request while its large body is read in steps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import { type BatchPort, BatchSender } from '../../../src/messages/channel.ts'
import { decodeBatch } from '../../../src/messages/codec.ts'
import type { OpenMessage } from '../../../src/messages/types.ts'
import { RoutedRequest, type RoutedRequestDependencies } from '../../../workers/routed-request.ts'
import { TurnQueue } from '../../../workers/turns/turn-queue.ts'

const BODY = Buffer.from(`{"rid":"mine","text":["a","b"],"pad":"${'x'.repeat(500_000)}"}`)

/** Runs the steps by hand. */
class HandQueue extends TurnQueue {
  work: { step(): boolean } | undefined

  override add(work: { step(): boolean }): void {
    this.work = work
  }

  override remove(): void {
    this.work = undefined
  }

  runAll(): void {
    for (let { work } = this; work !== undefined; { work } = this)
      if (work.step() && this.work === work) this.work = undefined
  }
}

function openRequest() {
  const statuses: number[] = []
  const port: BatchPort = {
    postMessage: batch => decodeBatch(batch, { onResponse: (_id, { status }) => void statuses.push(status) }),
  }
  const sender = new BatchSender(port)
  const turns = new HandQueue()
  let outcome: string | undefined
  const dependencies = {
    config: configSchema.parse({ engines: { mode: 'mixed', mixed: [{ url: 'http://127.0.0.1:1' }] } }),
    turns,
    nowMs: () => performance.now(),
    metrics: { requestEnded: (_endpoint: string, how: string) => (outcome = how) },
    log: { error: () => undefined },
  }
  const message: OpenMessage = {
    id: 1,
    endpoint: 'generate',
    method: 'POST',
    query: '',
    headers: [],
    creditBytes: 1000,
    ageMs: 0,
    aborted: [],
    body: BODY,
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no attempt is made, so the rest is not used
  const given = dependencies as unknown as RoutedRequestDependencies
  const request = new RoutedRequest(message, sender, given, () => undefined)
  request.start('generate', message)
  assert.ok(turns.work !== undefined, 'the body is read later')
  turns.work.step()
  const result = (): unknown => {
    sender.flush()
    return { statuses, outcome }
  }
  return { request, turns, result }
}

test('a client that leaves while its body is read ends the work and gets no row', () => {
  const { request, turns, result } = openRequest()
  request.abort()
  assert.equal(turns.work, undefined)
  assert.deepEqual(result(), { statuses: [], outcome: 'aborted' })
})

for (const rid of ['mine', undefined]) {
  test(`an abort of ${rid ?? 'all requests'} while the body is read ends the request once its rid is known`, () => {
    const { request, turns, result } = openRequest()
    request.requestAbort(rid)
    request.requestAbort('another')
    assert.deepEqual(result(), { statuses: [], outcome: undefined })
    turns.runAll()
    assert.deepEqual(result(), { statuses: [200], outcome: 'aborted' })
  })
}
