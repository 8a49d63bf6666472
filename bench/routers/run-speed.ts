/**
 * Entry of `npm run bench:speed`: what a request and a relayed chunk cost the gateway, beside haproxy.
 *
 * The targets have core 0, the canned engines and wrk core 1. All connections are kept alive. Exit codes: 0 done,
 * 1 a bar was missed (with --check) or the run failed, 2 something that the run needs is not there.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Children } from '../speed/children.ts'
import { hasGateway } from './start/gateway.ts'
import { requirePrograms } from '../process/needed-programs.ts'
import { parseSpeedOptions, type SpeedOptions } from '../cli/speed.ts'
import { stealShare } from '../process/process-cost.ts'
import { missedRows, type Row, rowsOf, tableOf } from './report/speed-table.ts'
import { runScenario } from './rounds/wrk-round.ts'
import { SCENARIOS } from './loads/wrk-loads.ts'
import { startEngines, startGateway, startHaproxy, urlOf } from './start/canned-engines.ts'

const options = parseSpeedOptions(process.argv.slice(2))
requirePrograms(['wrk', 'haproxy', 'taskset'])
if (!options.noise && !hasGateway()) {
  process.stderr.write('bin/pd-gateway.js is not there; --noise measures haproxy against itself\n')
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-speed-'))
const children = new Children()
children.stopAtExit()
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const statBefore = readFileSync('/proc/stat', 'utf8')
const rows = await measureAll(options)
const steal = stealShare(statBefore, readFileSync('/proc/stat', 'utf8'))
process.stdout.write(options.json ? `${JSON.stringify({ steal, rows })}\n` : textOf(rows, steal))
process.exit(options.check && missedRows(rows).length > 0 ? 1 : 0)

async function measureAll({ rounds, seconds, only, noise, extras }: SpeedOptions): Promise<Row[]> {
  const { ports: engines } = await startEngines(children)
  const base = await startHaproxy(children, { name: 'haproxy', folder, engines })
  const own = noise
    ? await startHaproxy(children, { name: 'haproxy-again', folder, engines })
    : await startGateway(children, engines)
  const engineUrl = urlOf(engines.decode[0] ?? 0)
  const plan = { children, folder, engineUrl, targets: [base, own, ...extras], rounds, seconds }
  const all: Row[] = []
  for (const scenario of SCENARIOS.filter(({ name }) => only.includes(name))) {
    process.stderr.write(`${scenario.name}: ${rounds} rounds of ${seconds} s\n`)
    // oxlint-disable-next-line no-await-in-loop -- scenarios share two cores
    all.push(...rowsOf(scenario, await runScenario(plan, scenario)))
  }
  return all
}

function textOf(done: readonly Row[], stolen: number): string {
  const rule = 'ratio: CPU of the target / two haproxy hops (request) or one (chunk), median over rounds'
  return `${tableOf(done)}${rule}; ${(stolen * 100).toFixed(1)} % of the machine's time was stolen\n`
}
