import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROUTERS, type Router } from '../../../../../bench/routers/start/router-list.ts'

const ENGINES = {
  prefill: [
    { url: 'http://127.0.0.1:1', bootstrapPort: 11 },
    { url: 'http://127.0.0.1:2', bootstrapPort: 12 },
  ],
  decode: ['http://127.0.0.1:3', 'http://127.0.0.1:4'],
}
const OPTIONS = {
  engines: ENGINES,
  port: 5,
  metricsPort: 6,
  folder: '/f',
  python: '/py',
  maxConnections: 9900,
  policy: 'round_robin',
  threads: 1,
}
const PAIRS =
  '--prefill http://127.0.0.1:1 11 --prefill http://127.0.0.1:2 12 ' +
  '--decode http://127.0.0.1:3 --decode http://127.0.0.1:4 --policy round_robin'
const PD = `--pd-disaggregation ${PAIRS}`
const ADDRESS = '--host 127.0.0.1 --port 5'
const METRICS = '--prometheus-host 127.0.0.1 --prometheus-port 6'

function routerNamed(name: string): Router {
  const found = ROUTERS.find(router => router.name === name)
  assert.ok(found, name)
  return found
}

const LINES = {
  'sglang-router': `-m sglang_router.launch_router --log-level warn ${METRICS} ${PD} ${ADDRESS}`,
  'sglang-mini-lb': `-m sglang_router.launch_router --mini-lb ${PD} ${ADDRESS}`,
  smg: `-m smg.launch_router --disable-tokenizer-autoload --log-level warn ${METRICS} ${PD} ${ADDRESS}`,
  'vllm-router': `-m vllm_router.launch_router --log-level error ${METRICS} --vllm-pd-disaggregation ${PAIRS} ${ADDRESS}`,
}

for (const [name, line] of Object.entries(LINES)) {
  test(`${name} is started by Python with its flags`, () => {
    const { program, args, config } = routerNamed(name).start(OPTIONS)
    assert.equal(program, '/py')
    assert.equal(args.join(' '), line)
    assert.equal(config, undefined)
  })
}

test('the gateway is started by this Node with the same engines, the same policy and one router thread', () => {
  const { program, args } = routerNamed('gateway').start(OPTIONS)
  assert.equal(program, process.execPath)
  assert.match(args.join(' '), new RegExp(`${PD} --workers 1 .*--port 5 --prometheus-port 6$`))
})

test('routers before mixed engines get their URLs, the policy and, if it is the gateway, the router threads', () => {
  const engines = { prefill: [], decode: [], mixed: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] }
  const options = { ...OPTIONS, engines, policy: 'cache_aware', threads: 2 }
  const flags = '--worker-urls http://127.0.0.1:1 http://127.0.0.1:2 --policy cache_aware'
  const lineOf = (name: string) => routerNamed(name).start(options).args.join(' ')
  assert.ok(lineOf('gateway').includes(` ${flags} --workers 2 `))
  assert.ok(lineOf('smg').endsWith(` ${METRICS} ${flags} ${ADDRESS}`))
})

test('haproxy makes one hop to the decode engines and forwards each event at once', () => {
  const { program, args, config } = routerNamed('haproxy').start(OPTIONS)
  assert.equal(program, 'haproxy')
  assert.deepEqual(args, ['-db', '-f', '/f/haproxy.cfg'])
  assert.equal(config?.path, '/f/haproxy.cfg')
  assert.match(config.text, /option http-no-delay/)
  assert.match(config.text, /maxconn 9900/)
  assert.deepEqual(config.text.match(/127\.0\.0\.1:\d+/g), ['127.0.0.1:5', '127.0.0.1:3', '127.0.0.1:4'])
})

test('nginx makes one hop in a single process, whose pid is that of the started program', () => {
  const { args, config } = routerNamed('nginx').start(OPTIONS)
  assert.deepEqual(args, ['-c', '/f/nginx.conf', '-e', '/f/nginx-error.log'])
  assert.match(config?.text ?? '', /daemon off;\nmaster_process off;/)
  assert.match(config?.text ?? '', /worker_connections 19850;/)
  assert.deepEqual(config?.text.match(/127\.0\.0\.1:\d+/g), ['127.0.0.1:3', '127.0.0.1:4', '127.0.0.1:5'])
})
