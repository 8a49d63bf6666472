/** Generated files equal what the code would generate now. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { configSchemaText, referenceText } from '../src/cli/reference.ts'
import { loadConfig } from '../src/config/load.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

test('docs/reference.md has the flags, keys and error codes of the code', () => {
  assert.equal(read('docs/reference.md'), referenceText(), 'run: pd-gateway reference > docs/reference.md')
})

test('config/schema.json is the schema of the code', () => {
  assert.deepEqual(
    JSON.parse(read('config/schema.json')),
    JSON.parse(configSchemaText()),
    'run: pd-gateway config-schema > config/schema.json',
  )
})

for (const file of globSync('config/*.yaml', { cwd: ROOT })) {
  test(`${file} can be loaded`, () => {
    const { engines } = loadConfig({ file: join(ROOT, file) })
    assert.ok(engines.prefill.length + engines.regular.length > 0)
  })
}
