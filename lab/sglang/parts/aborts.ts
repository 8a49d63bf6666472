/** Clients that leave, and requests that are aborted by their rid: engines must stop, and others must not notice. */
import { setTimeout as delay } from 'node:timers/promises'
import { member } from '../../../bench/json/member.ts'
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { type Answer, type LabRequest, send } from '../../client/request.ts'
import { becomesTrue } from '../../client/until.ts'
import type { Checks } from '../../report/part.ts'
import { type Body, CHAT, chat, GENERATE, generate, PROMPTS } from '../cases/case.ts'
import type { Frontend } from '../engines/engine-command.ts'
import { loadOf, openRequests } from '../load/open-requests.ts'
import { outputOf } from '../load/output-text.ts'

export interface AbortTargets {
  readonly frontend: Frontend
  readonly gateway: string
  readonly unified: string
  /** Engines that must have nothing left to do. */
  readonly engines: readonly string[]
  /** The engine among them whose output is aborted. */
  readonly decode: string
  readonly signal: AbortSignal
}

/** Enough for an output that does not end by itself before the abort. */
const LONG = { max_new_tokens: 3000, ignore_eos: true }
const LONG_CHAT = { max_tokens: 3000, ignore_eos: true }
/** An aborted request must end well before its output would. */
const END_LIMIT_SECONDS = 20
const START_LIMIT_MS = 60_000
/** For outputs that go on to their end. */
const WHOLE_LIMIT_MS = 600_000
const IDLE_LIMIT_MS = 20_000
const HASTE_MS = [1, 2, 3, 5, 8, 13, 21, 34]

export async function checkAborts(targets: AbortTargets, checks: Checks): Promise<void> {
  await checkLeaving(targets, checks)
  await checkHaste(targets, checks)
  await checkByRid(targets, checks)
  await checkBatch(targets, checks)
  await checkNeighbours(targets, checks)
  await checkAll(targets, checks)
}

/** The client has read some tokens. */
function hasToken(body: string): boolean {
  return body.split('\n\n').length > 4
}

async function checkLeaving(targets: AbortTargets, checks: Checks): Promise<void> {
  const { gateway, signal } = targets
  const stream = { url: `${gateway}${GENERATE}`, body: generate(LONG, { stream: true }), signal }
  const left = await send({ ...stream, leaveWhen: hasToken })
  checks.add('a client leaves its stream', left.end === 'left' ? await busyEngine(targets) : left.end)
  const question = { url: `${gateway}${CHAT}`, body: chat(LONG_CHAT), signal }
  await leaveOnceItRuns(targets, question, 1)
  checks.add('a client leaves before its whole answer', await busyEngine(targets))
  const batch = { url: `${gateway}${GENERATE}`, body: generate(LONG, { text: PROMPTS }), signal }
  await leaveOnceItRuns(targets, batch, PROMPTS.length)
  checks.add('a client leaves its batch', await busyEngine(targets))
}

/**
 * Clients leave while their requests are on their way: an abort that is sent together with its request is lost, and has
 * to be repeated.
 */
async function checkHaste(targets: AbortTargets, checks: Checks): Promise<void> {
  const { gateway, signal } = targets
  const bodies = { [GENERATE]: generate(LONG, { stream: true }), [CHAT]: chat(LONG_CHAT) }
  const answers = HASTE_MS.flatMap(ms =>
    Object.entries(bodies).map(([path, body]) => {
      const leave = AbortSignal.any([AbortSignal.timeout(ms), signal])
      return send({ url: `${gateway}${path}`, body, signal: leave })
    }),
  )
  await Promise.all(answers)
  // An engine that has lost an abort has begun by now.
  await delay(1000)
  checks.add('clients leave while their requests are on their way', await busyEngine(targets))
}

async function leaveOnceItRuns(targets: AbortTargets, request: LabRequest, outputs: number): Promise<void> {
  const leave = new AbortController()
  const answer = send({ ...request, signal: AbortSignal.any([leave.signal, targets.signal]) })
  await untilRunning(targets, outputs)
  leave.abort()
  await answer
}

async function checkByRid(targets: AbortTargets, checks: Checks): Promise<void> {
  const { gateway } = targets
  const bodies: Readonly<Record<string, readonly [string, Body]>> = {
    'a whole answer of /generate': [GENERATE, generate(LONG, { rid: 'abort-me' })],
    'a stream of /generate': [GENERATE, generate(LONG, { rid: 'abort-me', stream: true })],
    'a whole answer of chat': [CHAT, chat({ ...LONG_CHAT, rid: 'abort-me' })],
    'a stream of chat': [CHAT, chat({ ...LONG_CHAT, rid: 'abort-me', stream: true })],
  }
  for (const [name, [path, body]] of Object.entries(bodies)) {
    const answer = send({ url: `${gateway}${path}`, body, signal: targets.signal })
    await untilRunning(targets, 1)
    await abort(targets, { rid: 'abort-me' })
    checks.add(`${name} is aborted by its rid`, abortProblem(await answer, targets.frontend))
    checks.add(`engines stop ${name}`, await busyEngine(targets))
  }
  const unknown = await abort(targets, { rid: 'nobody-has-this-rid' })
  checks.add('an abort of an unknown rid', unknown.status === 200 ? undefined : `status ${unknown.status}`)
}

/** One prompt of a batch ends; the others are answered as on the unified engine. */
async function checkBatch(targets: AbortTargets, checks: Checks): Promise<void> {
  const { gateway, unified, signal } = targets
  const tokens = 600
  const sampling = { max_new_tokens: tokens, ignore_eos: true }
  const rids = ['part-a', 'part-b', 'part-c']
  const whole = await send({
    url: `${unified}${GENERATE}`,
    body: generate(sampling, { text: PROMPTS }),
    signal,
    limitMs: WHOLE_LIMIT_MS,
  })
  const body = generate(sampling, { text: PROMPTS, rid: rids })
  const answer = send({ url: `${gateway}${GENERATE}`, body, signal, limitMs: WHOLE_LIMIT_MS })
  await untilRunning(targets, PROMPTS.length)
  await abort(targets, { rid: 'part-b' })
  const [parts, expected] = [listIn(await answer), listIn(whole)]
  for (const [index, rid] of rids.entries()) {
    const [found, full] = [parts[index], expected[index]]
    const name = `one rid of a batch is aborted: ${rid}`
    const isFull = member(found, 'text') === member(full, 'text')
    if (rid === 'part-b') checks.add(name, isFull ? 'its text is that of the whole output' : undefined)
    else checks.add(name, isFull ? undefined : `its text is not that of the unified engine: ${textOf(found)}`)
  }
}

/** A rid that begins with the aborted one belongs to someone else. */
async function checkNeighbours(targets: AbortTargets, checks: Checks): Promise<void> {
  const { gateway, signal } = targets
  const sampling = { max_new_tokens: 400, ignore_eos: true }
  const ask = (rid: string) =>
    send({
      url: `${gateway}${GENERATE}`,
      body: generate(sampling, { rid }),
      signal,
      limitMs: WHOLE_LIMIT_MS,
    })
  const [longer, aborted] = [ask('job-10'), ask('job-1')]
  await untilRunning(targets, 2)
  await abort(targets, { rid: 'job-1' })
  checks.add('job-1 is aborted', abortProblem(await aborted, targets.frontend))
  const output = outputOf(await longer)
  const reason = member(member(parseJson((await longer).body), 'meta_info'), 'finish_reason')
  const isWhole = output.isWhole && member(reason, 'type') === 'length'
  checks.add('job-10 goes on', isWhole ? undefined : `it ended with ${JSON.stringify(reason)}`)
}

async function checkAll(targets: AbortTargets, checks: Checks): Promise<void> {
  const { gateway, signal } = targets
  const open = PROMPTS.map(text =>
    send({ url: `${gateway}${GENERATE}`, body: generate(LONG, { text }), signal }),
  )
  await untilRunning(targets, PROMPTS.length)
  await abort(targets, { abort_all: true })
  for (const [index, answer] of (await Promise.all(open)).entries())
    checks.add(`abort_all ends request ${index}`, abortProblem(answer, targets.frontend))
  checks.add('engines stop after abort_all', await busyEngine(targets))
}

function abort({ gateway, signal }: AbortTargets, body: Body): Promise<Answer> {
  return send({ url: `${gateway}/abort_request`, body, signal })
}

/** A 200 that says that the output was aborted. With Rust also an error in a stream that has begun, or a shorter answer. */
function abortProblem(answer: Answer, frontend: Frontend): string | undefined {
  const seen = `status ${answer.status}, ${answer.end}, after ${answer.seconds.toFixed(1)} s: ${answer.body.slice(-300)}`
  if (answer.seconds > END_LIMIT_SECONDS) return `it did not end: ${seen}`
  if (frontend === 'rust')
    return answer.body.includes('error') || answer.body.includes('abort') ? undefined : seen
  return answer.status === 200 && answer.end === 'complete' && answer.body.includes('abort')
    ? undefined
    : seen
}

/**
 * Resolves when decode runs this number of outputs. What is aborted before, while the KV cache is on its way, ends with
 * an error of the transfer instead of an output that was aborted.
 */
async function untilRunning({ decode, signal }: AbortTargets, outputs: number): Promise<void> {
  const isRunning = async () => (await loadOf(decode)).running >= outputs
  if (!(await becomesTrue(isRunning, START_LIMIT_MS, signal)))
    throw new Error(`Decode does not run ${outputs} outputs after ${START_LIMIT_MS / 1000} s`)
}

/** Undefined once no engine has an open request. */
async function busyEngine({ engines, signal }: AbortTargets): Promise<string | undefined> {
  const isIdle = async () => (await Promise.all(engines.map(openRequests))).every(open => open === 0)
  const becameIdle = await becomesTrue(isIdle, IDLE_LIMIT_MS, signal)
  return becameIdle ? undefined : `an engine still has requests after ${IDLE_LIMIT_MS / 1000} s`
}

function listIn({ body }: Answer): readonly unknown[] {
  const value = parseJson(body)
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300)
}
