import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastLogLine } from '../../../../../bench/routers/start/last-log-line.ts'
import { errorLine } from '../../../../../bench/routers/start/python-environment.ts'

test('the last line that mentions a failure is the reason', () => {
  assert.equal(lastLogLine('start\nRuntimeError: no port\n  bye\n'), 'RuntimeError: no port')
  assert.equal(lastLogLine('start\n\u001b[2mready\u001b[0m\n\n'), 'ready')
  assert.equal(lastLogLine('\n'), 'no output')
})

test("the last error line of pip's output is the reason", () => {
  const stderr = 'ERROR: first\nERROR: No matching distribution found for smg\n[notice] new pip\n'
  assert.equal(
    errorLine(Object.assign(new Error('x'), { stderr })),
    'ERROR: No matching distribution found for smg',
  )
  assert.equal(
    errorLine(Object.assign(new Error('spawn python3 ENOENT'), { stderr: '' })),
    'spawn python3 ENOENT',
  )
})
