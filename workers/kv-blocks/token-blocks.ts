/** Reads a prompt of token ids where it lies in the body, and hashes it in blocks. Hot path of such prompts. */
import { type ChainState, TokenChain } from '../../src/shared/kv-blocks/token-chain.ts'
import { BYTE, isDigit, isSpace } from '../json/bytes.ts'
import type { Range } from '../json/scan.ts'
import { MAX_HASHED_BYTES } from './block-ends.ts'

/** The whole blocks of a prompt of token ids, or of as much of a very long one as is read. */
export interface TokenBlocks {
  /** Number of tokens of the prompt, those of an unfinished block included; estimated if not all of it is read. */
  readonly tokens: number
  readonly blockSize: number
  /** What the chain of `src/shared/kv-blocks/token-chain.ts` has come to at the end of each block. */
  readonly states: readonly ChainState[]
}

const MAX_TOKEN = 2 ** 32 - 1
const NO_TOKEN = -1

/**
 * `range`: the list, with or without its last bracket. `undefined` if it is anything but a list of token ids, as far as it
 * is read.
 */
export function tokenBlocks(
  body: Uint8Array,
  { start, end }: Range,
  blockSize: number,
): TokenBlocks | undefined {
  if (body[start] !== BYTE.openBracket) return undefined
  const last = body[end - 1] === BYTE.closeBracket ? end - 1 : end
  const stop = Math.min(last, start + MAX_HASHED_BYTES)
  const chain = new TokenChain()
  const states: ChainState[] = []
  let tokens = 0
  let index = start + 1
  while (index <= stop) {
    const comma = tokenEnd(body, index, stop)
    // The rest of the token is not read.
    if (comma === stop && stop < last) break
    const token = tokenIn(body, index, comma)
    if (token === undefined) return undefined
    chain.add(token)
    tokens++
    if (tokens % blockSize === 0) states.push({ a: chain.a, b: chain.b })
    index = comma + 1
  }
  const unread = Math.max(0, last + 1 - index)
  return { tokens: tokens + Math.round((tokens * unread) / (index - start)), blockSize, states }
}

function tokenEnd(body: Uint8Array, start: number, last: number): number {
  let end = start
  while (end < last && body[end] !== BYTE.comma) end++
  return end
}

/** `undefined` if there is anything but one token id. */
function tokenIn(body: Uint8Array, start: number, end: number): number | undefined {
  let token = NO_TOKEN
  for (let index = start; index < end; index++) {
    const byte = body[index]
    if (isDigit(byte)) token = Math.max(0, token) * 10 + (byte ?? 0) - BYTE.zero
    else if (!isSpace(byte)) return undefined
  }
  return token === NO_TOKEN || token > MAX_TOKEN ? undefined : token
}
