import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command, CommanderError } from 'commander'
import { addSpeedCommand } from '../../../../bench/cli/speed.ts'
import type { SpeedOptions } from '../../../../bench/routers/run-speed.ts'

async function parse(args: readonly string[]): Promise<SpeedOptions> {
  const bench = new Command('bench')
  const parsed: SpeedOptions[] = []
  addSpeedCommand(bench, options => Promise.resolve(void parsed.push(options)))
  for (const command of bench.commands) command.exitOverride().configureOutput({ writeErr: () => undefined })
  await bench.parseAsync(['speed', ...args], { from: 'user' })
  const [options] = parsed
  assert.ok(options)
  return options
}

test('all loads run by default', async () => {
  assert.deepEqual((await parse([])).only, ['small', 'k32', 'chunk-2ms', 'chunk-20ms', 'c1000'])
})

test('--only selects loads', async () => {
  assert.deepEqual((await parse(['--only', 'c1000,small'])).only, ['small', 'c1000'])
})

test('an extra target is a name, a local URL and a process id', async () => {
  const { extraTargets } = await parse(['--target', 'other=http://127.0.0.1:3000,42'])
  assert.deepEqual(extraTargets, [{ name: 'other', url: 'http://127.0.0.1:3000', pid: 42 }])
})

for (const args of [
  ['--rounds', '0'],
  ['--seconds', '1.5'],
  ['--only', 'smal'],
  ['--target', 'other=http://192.0.2.1:80,42'],
]) {
  test(`${args.join(' ')} is rejected`, async () => {
    await assert.rejects(parse(args), CommanderError)
  })
}
