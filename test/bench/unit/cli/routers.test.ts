import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command, CommanderError } from 'commander'
import { addRoutersCommand } from '../../../../bench/cli/routers.ts'
import { loads } from '../../../../bench/routers/loads/loads.ts'
import { LOAD_NAMES, ROUTER_NAMES } from '../../../../bench/routers/loads/names.ts'
import type { RoutersOptions } from '../../../../bench/routers/run-routers.ts'
import { ROUTERS } from '../../../../bench/routers/start/router-list.ts'

async function parse(args: readonly string[], name = 'routers'): Promise<RoutersOptions> {
  const bench = new Command('bench')
  const parsed: RoutersOptions[] = []
  addRoutersCommand(bench, options => Promise.resolve(void parsed.push(options)))
  for (const command of bench.commands) command.exitOverride().configureOutput({ writeErr: () => undefined })
  await bench.parseAsync([name, ...args], { from: 'user' })
  const [options] = parsed
  assert.ok(options)
  return options
}

test('all loads and routers are compared by default, and the table is text', async () => {
  const options = await parse([])
  assert.deepEqual(options.loads, LOAD_NAMES)
  assert.deepEqual(options.routers, ROUTER_NAMES)
  assert.equal(options.format, 'text')
  assert.equal(options.check, false)
})

test('the names in the help are those of the loads and routers that exist', () => {
  assert.deepEqual(
    loads({ seconds: 1, burst: 1 }).map(({ name }) => name),
    LOAD_NAMES,
  )
  assert.deepEqual(
    ROUTERS.map(({ name }) => name),
    ROUTER_NAMES,
  )
})

test('--only accepts loads and routers in any order, and does not restrict a kind that it does not name', async () => {
  const both = await parse(['--only', 'smg,k32', '--only', 'small,gateway'])
  assert.deepEqual(both.loads, ['small', 'k32'])
  assert.deepEqual(both.routers, ['gateway', 'smg'])
  const loadsAlone = await parse(['--only', 'c10k-stressed'])
  assert.deepEqual(loadsAlone.loads, ['c10k-stressed'])
  assert.equal(loadsAlone.routers.length, ROUTERS.length)
})

test('the former name of the command still works', async () => {
  assert.equal((await parse(['--json'], 'peers')).format, 'json')
})

for (const args of [
  ['--rounds', '0'],
  ['--seconds', '1.5'],
  ['--passes', 'many'],
  ['--only', 'smal'],
]) {
  test(`${args.join(' ')} is rejected`, async () => {
    await assert.rejects(parse(args), CommanderError)
  })
}
