import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logLine } from '../../../src/telemetry/log-line.ts'

test('an event is one line, and values that could break it are quoted', () => {
  const line = logLine({
    time: new Date(0),
    level: 'warn',
    part: 'control',
    message: 'engine is unhealthy',
    fields: { url: 'http://[::1]:1', why: 'no\nresponse', error: new Error('a=b'), slot: 0, mode: undefined },
  })
  const fields = 'url=http://[::1]:1 why="no\\nresponse" error="a=b" slot=0'
  assert.equal(line, `1970-01-01 00:00:00.000 WARN  control: engine is unhealthy ${fields}\n`)
})
