/**
 * Micro benchmarks of code that runs per request and per chunk: reading the fields of a body, building the body for the
 * engines, and framing events. For comparing two versions on one machine; `bench speed` measures the gateway as a whole.
 *
 *   node bench/micro/hot-path.ts
 */
import { bench, do_not_optimize, run, summary } from 'mitata'
import { buildBody } from '../../workers/request/engine-body.ts'
import { readFields } from '../../workers/request/fields.ts'
import { EventFramer } from '../../workers/sse/event-framer.ts'

const INJECTION = {
  rid: 'f'.repeat(32),
  bootstrapHost: '127.0.0.1',
  bootstrapPort: 8998,
  bootstrapRoom: 123_456_789,
}
const EVENT = Buffer.from(`data: {"text":"${'a'.repeat(180)}","meta_info":{"finish_reason":null}}\n\n`)

for (const bytes of [512, 4096, 65_536]) {
  const body = Buffer.from(JSON.stringify({ text: 'a'.repeat(bytes - 60), stream: true, rid_hint: 'x' }))
  const fields = readFields('generate', body)
  summary(() => {
    bench(`readFields, ${bytes} B`, () => do_not_optimize(readFields('generate', body)))
    bench(`JSON.parse, ${bytes} B`, () => do_not_optimize(JSON.parse(body.toString())))
  })
  bench(`buildBody, ${bytes} B`, () => do_not_optimize(buildBody(body, fields, INJECTION, [])))
}

const framer = new EventFramer()
bench('frame a whole event', () => do_not_optimize(framer.push(EVENT)))
bench('frame an event in two pieces', () => {
  do_not_optimize(framer.push(EVENT.subarray(0, 50)))
  do_not_optimize(framer.push(EVENT.subarray(50)))
})

await run()
