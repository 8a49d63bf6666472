/** Runs one cell of the matrix and checks everything that its client and its two engines saw. */
import assert from 'node:assert/strict'
import type { Leg } from '../../src/core/errors.ts'
import type { OpenResponse, ReadBody } from '../support/read-body.ts'
import { at, parseStream } from '../support/sse.ts'
import { until } from '../support/until.ts'
import { attemptsOf, type Cell, endsWell, expectedBytes, fateOf, isFaulty } from './cells.ts'
import type { Call, ScriptedEngine } from './scripted-engine.ts'
import { sendBreakable } from './send-request.ts'
import { type Engines, SILENCE_MS } from './setup.ts'

const LEGS = ['prefill', 'decode'] as const
/** For a single abort, on a machine that is busy with other tests. */
const ABORT_LIMIT_MS = 1000

/** @returns the milliseconds from each failure to the aborts and closed connections that follow it. */
export async function checkCell(cell: Cell, origin: string, engines: Engines): Promise<number[]> {
  const { id, group, shape } = cell
  const response = await sendBreakable(origin, { id, model: group.name, shape })
  engines.clientHasHead(id)
  const body = await response.body
  const seen = { prefill: callsOf(engines.prefill, cell), decode: callsOf(engines.decode, cell) }
  const what = `${response.status} ${body.text.slice(0, 300)}`
  checkAttempts(cell, seen, what)
  checkResponse(cell, response, body, seen.decode.at(-1)?.rid ?? '')
  const failed = endsWell(cell) ? seen.prefill.slice(0, -1) : seen.prefill
  const sent = failed.filter(({ rid }) => seen.decode.some(call => call.rid === rid))
  const delays = await Promise.all(sent.map(({ rid }) => delaysOf(cell, rid, engines)))
  await until(() => [...seen.prefill, ...seen.decode].every(call => call.closedAtMs !== undefined))
  if (endsWell(cell)) {
    const last = seen.decode.at(-1)?.rid ?? ''
    for (const leg of LEGS)
      assert.ok(!engines[leg].aborts.has(last), `${leg} got an abort for an attempt that succeeded`)
  }
  return delays.flat()
}

const CLOSES_AT_ONCE = new Set([
  'reset before head',
  'closed before head',
  'reset after head',
  'closed after head',
])

function callsOf(engine: ScriptedEngine, { id }: Cell): Call[] {
  return engine.calls.filter(call => call.cell === id)
}

/**
 * Checks the number of attempts, and that both legs of each were sent, with its own rid and room. An engine that closes
 * its connection at once may end an attempt before the other leg has a connection; that leg is then never sent. `what`:
 * the client's response, which says why if there are fewer.
 */
function checkAttempts(cell: Cell, seen: Readonly<Record<Leg, readonly Call[]>>, what: string): void {
  const count = attemptsOf(cell)
  const [prefill, decode] = [namesOf(seen.prefill), namesOf(seen.decode)]
  const mayBeUnsent = endsWell(cell) && CLOSES_AT_ONCE.has(cell.group.fault.name)
  if (mayBeUnsent && decode.length === count - 1) assert.deepEqual(prefill.slice(-1), decode)
  else assert.equal(decode.length, count, `attempts seen by decode, before the response ${what}`)
  assert.equal(prefill.length, count, `attempts seen by prefill, before the response ${what}`)
  if (decode.length === count) assert.deepEqual(prefill, decode)
  const { retryAfterMs } = cell.group.fault
  const [first, second] = seen.decode
  if (retryAfterMs === undefined || first === undefined || second === undefined) return
  assert.ok(second.receivedAtMs - first.receivedAtMs >= retryAfterMs, 'the engine asked for more time')
}

function namesOf(calls: readonly Call[]): string[] {
  return calls.map(({ rid, room }) => `${rid} ${room}`)
}

function checkResponse(
  cell: Cell,
  response: OpenResponse,
  { text, isComplete }: ReadBody,
  rid: string,
): void {
  const expected = expectedBytes(cell, rid)
  if (expected === undefined) return checkErrorResponse(cell, response, text)
  assert.equal(response.status, 200, text)
  const isBroken = fateOf(cell.group, cell.shape) === 'broken'
  assert.equal(isComplete, !isBroken)
  if (!isBroken) return assert.equal(text, expected)
  assert.equal(text.slice(0, expected.length), expected)
  const { events, hasDone } = parseStream(text.slice(expected.length))
  assert.ok(!hasDone && events.length === 1, text)
  const error = at(events[0], 'error')
  assert.ok(Number.isInteger(at(error, 'code')) && typeof at(error, 'reason') === 'string', text)
  checkError(error, cell)
}

function checkErrorResponse(cell: Cell, response: OpenResponse, text: string): void {
  const { fault } = cell.group
  assert.equal(response.status, fault.status, text)
  assert.match(response.headers['content-type'] ?? '', /^application\/json/)
  const { retryAfterMs } = fault
  if (retryAfterMs !== undefined) assert.equal(response.headers['retry-after'], String(retryAfterMs / 1000))
  const error = at(JSON.parse(text), 'error')
  assert.ok(String(at(error, 'message')).includes(fault.message), text)
  checkError(error, cell)
}

/** Checks OpenAI's error object and the leg that failed. */
function checkError(error: unknown, { group }: Cell): void {
  const text = JSON.stringify(error)
  assert.equal(typeof at(error, 'message'), 'string', text)
  // An error that the engine nests is passed on as it is.
  if (at(error, 'leg') === undefined) return
  assert.equal(typeof at(error, 'type'), 'string', text)
  assert.equal(at(error, 'param'), null, text)
  assert.match(typeof at(error, 'code'), /^(?:string|number)$/, text)
  const leg = at(error, 'leg')
  // Which of two silent engines has failed cannot be known.
  if (group.fault.isSilent !== true)
    assert.ok(leg === 'prefill' ? isFaulty(group, 'prefill') : isFaulty(group, 'decode'), text)
}

/** Waits until both engines have their abort and both connections of the attempt are closed. */
async function delaysOf(cell: Cell, rid: string, engines: Engines): Promise<number[]> {
  const callOn = (leg: Leg): Call | undefined => engines[leg].calls.find(call => call.rid === rid)
  await until(() => LEGS.every(leg => engines[leg].aborts.has(rid)))
  await until(() => LEGS.every(leg => callOn(leg)?.closedAtMs !== undefined))
  const { fault } = cell.group
  const failures = LEGS.filter(leg => isFaulty(cell.group, leg)).map(leg => callOn(leg)?.sentAtMs)
  // The second of two faults may find its connection closed already.
  const failedAtMs =
    Math.min(...failures.filter(time => time !== undefined)) + (fault.isSilent === true ? SILENCE_MS : 0)
  const delays = LEGS.map(leg => (engines[leg].aborts.get(rid) ?? 0) - failedAtMs)
  if (!isFaulty(cell.group, 'prefill')) delays.push((callOn('prefill')?.closedAtMs ?? 0) - failedAtMs)
  if (!isFaulty(cell.group, 'decode')) delays.push((callOn('decode')?.closedAtMs ?? 0) - failedAtMs)
  for (const delayMs of delays) assert.ok(delayMs < ABORT_LIMIT_MS, `aborted after ${delayMs} ms`)
  return delays
}
