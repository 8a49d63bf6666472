/** Prompt text of a given length: the same seed gives the same words. A token of it is about four characters. */
import { mix } from '../../src/core/hash.ts'

const WORDS = (
  'the and for you are not but had his her was one our out day get has him how man new now old see two way who boy did ' +
  'its let put say she too use big box car cat cup dog ear egg eye far fly hat ice key leg map net owl pen red sea sky'
).split(' ')

/** Most of one text: what is longer takes minutes to make, and no gateway takes it. */
export const MOST_WORDS = 10_000_000

export function wordsOf(seed: number, tokens: number): string {
  let text = ''
  for (let at = 0; at < tokens; at++)
    text += `${WORDS[mix(seed + Math.imul(at + 1, 0x9e3779b9)) % WORDS.length] ?? 'the'} `
  return text
}
