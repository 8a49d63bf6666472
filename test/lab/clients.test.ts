/** What the lab with client programs takes from documents and files, and the table that it makes. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import {
  documentedSettings,
  type ProxyName,
  withOldHealthCheck,
} from '../../lab/clients/proxies/documented-settings.ts'
import { ProgramRows, type Row, tableOf } from '../../lab/clients/results/rows.ts'
import { requirementOf } from '../../lab/python/python-environment.ts'
import { Checks } from '../../lab/report/part.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const DOCUMENT = readFileSync(join(ROOT, 'docs', 'front-proxies.md'), 'utf8')
const PORTS = { listen: 8001, gateway: 8002, admin: 8003 }

suite('the settings of a front proxy in the documents', () => {
  for (const name of ['nginx', 'HAProxy', 'Caddy'] satisfies ProxyName[])
    test(`are those that the lab runs ${name} with, on other ports`, () => {
      const settings = documentedSettings(DOCUMENT, name, PORTS)
      assert.match(settings, /127\.0\.0\.1:8001/)
      assert.match(settings, /127\.0\.0\.1:8002/)
      assert.doesNotMatch(settings, /30000/)
    })

  test('of HAProxy have a variant that checks by HTTP/1.0 on the admin listener', () => {
    const settings = withOldHealthCheck(documentedSettings(DOCUMENT, 'HAProxy', PORTS), PORTS)
    assert.match(settings, /option httpchk GET \/readiness\n/)
    assert.match(settings, /check port 8003 inter/)
  })

  test('do not let Caddy generate for clients that have left', () => {
    assert.doesNotMatch(documentedSettings(DOCUMENT, 'Caddy', PORTS), /flush_interval/)
  })

  test('are not used if the document has another form', () => {
    assert.throws(() => documentedSettings('## nginx\n\ntext\n', 'nginx', PORTS), /no code block/)
    const other = '## nginx\n\n```nginx\nlisten 80;\n```\n'
    assert.throws(() => documentedSettings(other, 'nginx', PORTS), /"127\.0\.0\.1:30000" once, not 0 times/)
  })
})

for (const path of globSync('lab/clients/requirements/*.txt', { cwd: ROOT }))
  test(`${path} pins every package, uv among them`, () => {
    const text = readFileSync(join(ROOT, path), 'utf8')
    assert.match(requirementOf('uv', text), /^uv==\d/)
    for (const line of text.trim().split('\n')) assert.match(line, /^[\w.-]+==[\w.]+$/)
  })

test('the table of the client programs has a row for each, with its figures', async () => {
  const [rows, checks]: [Row[], Checks] = [[], new Checks()]
  const lines: string[] = []
  const one = new ProgramRows('one', rows, checks, line => lines.push(line))
  one.add({ what: 'a', expected: '1', seen: '1', isRight: true, figure: 'TTFT +3 ms' })
  await one.compare('b', 'idle', () => {
    throw new RangeError('no engine')
  })
  const two = new ProgramRows('two', rows, checks, line => lines.push(line))
  await two.compare('c', 'x', () => 'x')
  assert.deepEqual(tableOf(rows, { one: '1.2', two: '3' }), [
    ['program', 'version', 'checks', 'right', 'figures'],
    ['one', '1.2', '2', '1', 'TTFT +3 ms'],
    ['two', '3', '1', '1', ''],
  ])
  assert.deepEqual(checks.wrong, ['one: b: RangeError: no engine instead of idle'])
  assert.deepEqual(lines, ['  one: a: 1', '  two: c: x'])
})
