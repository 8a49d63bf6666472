/** The conformance list: every kind of request that is compared. */
import type { Case } from './case.ts'
import { CHAT_CASES } from './chat-cases.ts'
import { COMPLETIONS_CASES } from './completions-cases.ts'
import { GENERATE_CASES } from './generate-cases.ts'
import { REFUSED_CASES } from './refused-cases.ts'

export const CASES: readonly Case[] = [
  ...GENERATE_CASES,
  ...CHAT_CASES,
  ...COMPLETIONS_CASES,
  ...REFUSED_CASES,
]
