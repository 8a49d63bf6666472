/**
 * One question to a target, beside the load: its models, its cache.
 *
 * Not by `fetch`: that keeps away from ports which browsers leave to other services (6000, 10080 …), and a target may
 * listen on any.
 */

import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { errorCode, messageOf } from '../../src/core/error-text.ts'
import { addressOf } from '../load/target-address.ts'

export interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly limitMs: number
  /** Ends the wait. */
  readonly interrupt: AbortSignal
}

export interface Reply {
  readonly status: number
  readonly body: string
}

/** @throws Error that says in a few words why there was no answer. */
export async function ask(url: string, question: Question): Promise<Reply> {
  const { method, path, limitMs, interrupt } = question
  const limit = AbortSignal.timeout(limitMs)
  try {
    return await reply(url, question, AbortSignal.any([interrupt, limit]))
  } catch (error) {
    if (!limit.aborted || interrupt.aborted) throw new Error(reasonOf(error), { cause: error })
    throw new Error(`no answer to ${method} ${path} within ${limitMs / 1000} s`, { cause: error })
  }
}

async function reply(url: string, { method, path }: Question, signal: AbortSignal): Promise<Reply> {
  const { host, port, hostHeader, prefix } = addressOf(url)
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const headers = { host: hostHeader }
  const asked = request({ host, port, method, path: `${prefix}${path}`, headers, agent: false, signal })
  asked.on('error', reject)
  asked.on('response', answer => {
    text(answer).then(body => resolve({ status: answer.statusCode ?? 0, body }), reject)
  })
  asked.end()
  return promise
}

function reasonOf(error: unknown): string {
  const code = errorCode(error)
  if (code.startsWith('HPE_')) return `what comes from there is not HTTP (${code})`
  return code === '' ? messageOf(error) : code
}
