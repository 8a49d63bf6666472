/** The requests of the loads: many different prompts on every endpoint, whole and streamed. Pure. */
import { type Case, CHAT, COMPLETIONS, chat, completions, GENERATE, generate } from '../cases/case.ts'

const SUBJECTS = [
  'A class',
  'The loop',
  'An operator',
  'Every name',
  'Some module',
  'The iterator',
  'A slice',
]
const VERBS = ['returns', 'evaluates', 'binds', 'raises', 'contains', 'imports', 'compares', 'yields']

/** `tokens` is the length of each output. The prompts differ from their first words on, so that no cache helps. */
export function questions(tokens: number): readonly Case[] {
  return SUBJECTS.flatMap((subject, row) =>
    VERBS.map((verb, column) => {
      const text = `${subject} ${verb} the value of item ${row * VERBS.length + column} when`
      const number = row + column
      return question(`${subject} ${verb}`, text, { tokens, kind: number % 3, stream: number % 2 === 0 })
    }),
  )
}

interface Form {
  readonly tokens: number
  readonly kind: number
  readonly stream: boolean
}

function question(name: string, text: string, { tokens, kind, stream }: Form): Case {
  const shared = { stream, ignore_eos: true }
  if (kind === 0) {
    const body = generate({ max_new_tokens: tokens, ignore_eos: true }, { text, stream })
    return { name, path: GENERATE, body }
  }
  if (kind === 1) {
    const messages = [{ role: 'user', content: text }]
    return { name, path: CHAT, body: chat({ ...shared, messages, max_tokens: tokens }) }
  }
  return { name, path: COMPLETIONS, body: completions({ ...shared, prompt: text, max_tokens: tokens }) }
}
