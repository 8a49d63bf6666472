import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../../src/core/engine.ts'
import { PairingTable } from '../../../src/eligibility/pairing-table.ts'
import { engineOf } from '../../support/engines.ts'

const engineWith = (slot: number, pageSize: number, models: readonly string[] = []): Engine =>
  engineOf({ slot, models, pairing: { pageSize } })

test('a fleet of equal engines is uniform: any two can be a pair', () => {
  const [a, b] = [engineWith(3, 64, ['m']), engineWith(7, 64, ['m'])]
  const table = new PairingTable([a, b])
  assert.ok(table.isUniform)
  assert.ok(table.canPair(a, b))
})

test('the table knows for each two engines whether they can be a pair, whenever it is asked', () => {
  const engines = [engineWith(0, 16), engineWith(5, 64), engineWith(6, 64), engineWith(9, 16, ['m'])]
  const table = new PairingTable(engines)
  assert.equal(table.isUniform, false)
  for (let round = 0; round < 2; round++) {
    const shown = engines.map(a => engines.map(b => (table.canPair(a, b) ? '1' : '0')).join(''))
    assert.deepEqual(shown, ['1001', '0110', '0110', '1001'])
  }
})
