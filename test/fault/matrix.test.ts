/**
 * The fault matrix: every fault on every leg, endpoint and kind of answer, with retries and without.
 *
 * No cell is skipped. For each: the exact bytes that the client gets; that both engines are told to abort each attempt
 * that failed and all its connections close, and how fast; that rids and rooms are used once and both legs are sent
 * anew; who is named in the log. At the end nothing is in flight.
 *
 * How fast: measured by the engines' own clock, from the last byte of the failure to the abort. Nineteen of twenty must
 * be within the 50 ms of the design, and four times what the loop of this process was late, for the machine may be busy:
 * the failure leaves by this loop (engines, client and main thread share it), is read and answered by two turns of a
 * router thread's, and the abort comes in by this one.
 */
import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'
import { attemptsOf, type Cell, cellsOf, endsWell, GROUPS, type Group } from './cells.ts'
import { checkCell } from './check-cell.ts'
import type { Shape } from './sound-answers.ts'
import { type Engines, openEngines, openStage, type Stage } from './stage.ts'

const LEGS = ['prefill', 'decode'] as const
const AT_A_TIME = 6
const LOOP_STEP_MS = 5
/** Of this share of the aborts. */
const SHARE = 0.95
const LIMIT_MS = 50
/** The timers of many cells run out at the same time, and each is then a turn of the same two processors. */
const SILENT_LIMIT_MS = 250

for (const isSilent of [false, true]) {
  const what = isSilent ? 'engines that fall silent' : 'engines that say or show what is wrong'
  test(`the fault matrix: ${what}`, { concurrency: isSilent ? 10 * AT_A_TIME : AT_A_TIME }, async t => {
    const groups = GROUPS.filter(({ fault }) => (fault.isSilent === true) === isSilent)
    const cells = groups.flatMap(cellsOf)
    const engines = await openAllEngines(t, groups, cells)
    const stages = new Map<boolean, Stage>()
    for (const hasRetries of [true, false]) {
      const options = { maxRetries: hasRetries ? 3 : 0, isHasty: isSilent }
      stages.set(hasRetries, await openStage(t, [...engines.values()], options))
    }
    const delays: number[] = []
    const lateness = monitorEventLoopDelay({ resolution: LOOP_STEP_MS })
    lateness.enable()
    t.after(() => lateness.disable())
    const runCell = async (cell: Cell): Promise<void> => {
      const [stage, pair] = [stages.get(cell.hasRetries), engines.get(cell.group)]
      assert.ok(stage && pair)
      delays.push(...(await checkCell(cell, stage.origin, pair)))
    }
    await Promise.all(cells.map(cell => t.test(cell.name, () => runCell(cell))))

    await t.test('both engines are told in time of the failure', () => {
      lateness.disable()
      const sorted = delays.toSorted((one, other) => one - other)
      const within = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Infinity
      const lateMs = Math.max(0, lateness.percentile(100 * SHARE) / 1e6 - LOOP_STEP_MS)
      const [median, most, ours] = [within(0.5), within(1), lateMs].map(ms => ms.toFixed(1))
      const told = `95 % within ${within(SHARE).toFixed(1)} ms`
      t.diagnostic(
        `${cells.length} cells, ${sorted.length} aborts: median ${median} ms, ${told}, most ${most} ms; own loop late by ${ours} ms`,
      )
      const limitMs = isSilent ? SILENT_LIMIT_MS : LIMIT_MS
      assert.ok(within(SHARE) <= limitMs + 4 * lateMs, told)
    })
    await t.test('no rid and no room is used twice', () => checkNames([...engines.values()]))
    await t.test('the log names the leg and the cause of each failed attempt', () => {
      const logs = new Map([...stages].map(([hasRetries, stage]) => [hasRetries, stage.log()]))
      for (const cell of cells) checkLog(cell, logs.get(cell.hasRetries) ?? [])
    })
    await t.test('the breaker of the guilty engine has opened, and no other', async () => {
      const opened = await Promise.all([...stages.values()].map(openedBy))
      checkBreakers(engines, new Set(opened.flat()))
    })
    await t.test('nothing is left in flight', async () => {
      await until(() => [...stages.values()].every(({ gateway }) => gateway.legsInFlight() === 0))
    })
  })
}

async function openAllEngines(
  t: TestContext,
  groups: readonly Group[],
  cells: readonly Cell[],
): Promise<Map<Group, Engines>> {
  const shapes = new Map<string, Shape>(cells.map(({ id, shape }) => [id, shape]))
  const engines = new Map<Group, Engines>()
  const shapeOf = ({ cell }: { readonly cell: string }): Shape => {
    const shape = shapes.get(cell)
    assert.ok(shape, `nobody asked for ${cell}`)
    return shape
  }
  for (const group of groups) {
    engines.set(group, await openEngines(t, group, shapeOf))
  }
  return engines
}

function checkNames(engines: readonly Engines[]): void {
  const calls = engines.flatMap(({ decode }) => decode.calls)
  assert.equal(new Set(calls.map(({ rid }) => rid)).size, calls.length)
  assert.equal(new Set(calls.map(({ room }) => room)).size, calls.length)
  assert.ok(calls.every(({ room }) => Number.isSafeInteger(room) && room > 0))
}

/** Addresses of the engines whose breaker has opened. */
async function openedBy({ gateway }: Stage): Promise<unknown[]> {
  const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/admin/engines`)
  const body: unknown = await response.json()
  const listed = at(body, 'engines')
  assert.ok(Array.isArray(listed), JSON.stringify(body).slice(0, 200))
  return listed.filter(engine => at(engine, 'breaker') === 'open').map(engine => at(engine, 'url'))
}

function checkBreakers(engines: ReadonlyMap<Group, Engines>, all: ReadonlySet<unknown>): void {
  for (const [group, pair] of engines) {
    const opened = LEGS.filter(leg => all.has(pair[leg].url))
    const { fault, where } = group
    // Of two silent engines nobody knows which has failed: their link is charged.
    const isCharged = fault.blame === 'engine' && !(fault.isSilent === true && where === 'prefill')
    if (!isCharged) assert.deepEqual(opened, [], group.name)
    else if (where === 'both') assert.ok(opened.length > 0, group.name)
    else assert.deepEqual(opened, [where], group.name)
  }
}

function checkLog(cell: Cell, log: readonly string[]): void {
  const own = log.filter(line => line.includes(`request=${cell.id} `))
  const { fault, where } = cell.group
  assert.equal(own.filter(line => line.includes(': retry ')).length, attemptsOf(cell) - 1, cell.name)
  // A client's own fault is no event for an operator.
  const isLogged = attemptsOf(cell) > 1 || (!endsWell(cell) && fault.status >= 500)
  assert.equal(own.length, isLogged ? 1 : 0, cell.name)
  for (const line of own) {
    assert.match(line, new RegExp(` cause=(?:${fault.cause}) `), cell.name)
    const leg = where === 'both' || fault.isSilent === true ? '(?:prefill|decode)' : where
    assert.match(line, new RegExp(` leg=${leg} `), cell.name)
  }
}
