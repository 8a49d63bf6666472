/** Prompt text of a given length, determined by a seed; one token is about four characters. */
import { mix } from '../../../src/core/random.ts'

const WORDS = (
  'the and for you are not but had his her was one our out day get has him how man new now old see two way who boy did ' +
  'its let put say she too use big box car cat cup dog ear egg eye far fly hat ice key leg map net owl pen red sea sky'
).split(' ')

export function wordsOf(seed: number, tokens: number): string {
  let text = ''
  for (let index = 0; index < tokens; index++)
    text += `${WORDS[mix(seed + Math.imul(index + 1, 0x9e3779b9)) % WORDS.length] ?? 'the'} `
  return text
}
