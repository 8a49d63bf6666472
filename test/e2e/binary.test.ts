/** The program as operators run it: a process of its own, flags of the Rust routers, ended by a signal. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, type TestContext, test } from 'node:test'
import { expectedText } from '../../src/simulator/sequence/output-script.ts'
import { openFleet, runningOn } from '../support/gateway.ts'
import { engineFlags, PROGRAM, type Program, startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'

const NPX = ['npx', '--no-install', 'pd-gateway']

// Nothing here is timed, and the tests mostly wait for a process to start.
suite('The program', { concurrency: 2 }, () => {
  test('serves a fleet given by flags, and exits with 0 on SIGTERM', async t => {
    const { child, origin } = await startPairs(t, PROGRAM)
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    await assert.rejects(fetch(`${origin}/health`))
  })

  test('serves when started by npx, and does not outlive npx', async t => {
    const { child, origin } = await startPairs(t, NPX)
    child.kill('SIGTERM')
    await until(async () => {
      const isServing = await fetch(`${origin}/health`).then(
        () => true,
        () => false,
      )
      return !isServing
    })
  })

  test('serves mixed engines', async t => {
    const fleet = await openFleet(t, { mixed: 2 })
    const urls = fleet.mixed.map(({ url }) => url)
    const { child, origin } = await startProgram(t, PROGRAM, ['--worker-urls', ...urls])
    assert.equal(await complete(origin, 'Once'), expectedText('Once', 0, 12))
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  })
})

async function startPairs(t: TestContext, command: readonly string[]): Promise<Program> {
  const fleet = await openFleet(t, { prefill: 2, decode: 1 })
  const program = await startProgram(t, command, [
    '--pd-disaggregation',
    ...engineFlags(fleet),
    '--policy',
    'round_robin',
    '--shutdown-settle-secs',
    '0',
  ])
  const { origin } = program
  await until(async () => (await (await fetch(`${origin}/readiness`)).text()).includes('"healthy_workers":3'))
  for (let request = 0; request < 4; request++) {
    assert.equal(await complete(origin, `Request ${request}`), expectedText(`Request ${request}`, 0, 12))
  }
  assert.deepEqual(
    fleet.prefill.map(engine => engine.counters.completed),
    [2, 2],
  )
  await until(() => runningOn(fleet) === 0)
  return program
}

async function complete(origin: string, prompt: string): Promise<unknown> {
  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sim', prompt, max_tokens: 12 }),
  })
  const answer: unknown = await response.json()
  assert.equal(response.status, 200, JSON.stringify(answer))
  return ['choices', 0, 'text'].reduce<unknown>(
    (inner, key) => (inner instanceof Object ? Reflect.get(inner, key) : undefined),
    answer,
  )
}
