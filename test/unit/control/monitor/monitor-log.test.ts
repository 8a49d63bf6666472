import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MonitorLog } from '../../../../src/control/monitor/monitor-log.ts'
import { SILENT } from '../../../support/frontend.ts'

const SPEC = { url: 'http://10.0.0.1:30000', role: 'decode' } as const
const SILENCE = { error: 'connect ECONNREFUSED 10.0.0.1:30000' }

/** A log whose clock the test sets, and the seconds, level and text of its lines above `debug`. */
function openLog(startupTimeoutSecs: number) {
  const lines: string[] = []
  let nowMs = 1000
  const keep = (level: string) => (fields: object, text: string) =>
    lines.push(`${'secs' in fields ? String(fields.secs) : ''} ${level} ${text}`)
  const logger = { ...SILENT, warn: keep('warn'), error: keep('error') }
  const log = new MonitorLog(logger, SPEC, { startupTimeoutSecs }, () => nowMs)
  return {
    lines,
    failEverySecond: (secs: number, probed: { readonly error: string; readonly status?: number }): void => {
      for (let sec = 0; sec < secs; sec++) {
        nowMs += 1000
        log.notUpYet(probed)
      }
    },
  }
}

test('an engine that does not respond is reported after 5 s and again after rising pauses of up to a minute', () => {
  const { lines, failEverySecond } = openLog(1800)
  failEverySecond(220, SILENCE)
  assert.deepEqual(
    lines.map(line => line.split(' ', 2).join(' ')),
    ['5 warn', '15 warn', '35 warn', '75 warn', '135 warn', '195 warn'],
  )
})

test('after engines.startupTimeoutSecs it is reported as an error, at once and then with the same pauses', () => {
  const { lines, failEverySecond } = openLog(20)
  failEverySecond(120, SILENCE)
  assert.deepEqual(
    lines.map(line => line.split(' ', 2).join(' ')),
    ['5 warn', '15 warn', '20 error', '60 error', '120 error'],
  )
})

for (const [probed, text] of [
  [SILENCE, /does not respond.*check its address/],
  [{ error: '/health responded with 404', status: 404 }, /has no health page.*--health-check-endpoint/],
  [{ error: '/health responded with 503', status: 503 }, /responds, but is not healthy yet/],
] as const)
  test(`the report says what was seen: ${probed.error}`, () => {
    const { lines, failEverySecond } = openLog(1800)
    failEverySecond(5, probed)
    assert.match(lines[0] ?? '', text)
    assert.equal(lines.length, 1)
  })
