/** The words after --prefill, --decode and --worker-urls, as engines. A word that is no URL is left to the schema. */

interface PrefillWords {
  readonly url: string
  bootstrapPort?: number
}

/**
 * `[URL, 8998, URL, none, URL]`: the word after a URL is its bootstrap port if it is a port or `none` in any case,
 * just as the Rust router reads it. `none` is the same as no port.
 */
export function prefillList(words: readonly string[]): PrefillWords[] {
  const engines: PrefillWords[] = []
  let isPortAllowed = false
  for (const word of words) {
    const last = engines.at(-1)
    if (isPortAllowed && last && isPort(word)) {
      if (word.toLowerCase() !== 'none') last.bootstrapPort = Number(word)
      isPortAllowed = false
    } else {
      engines.push({ url: word })
      isPortAllowed = true
    }
  }
  return engines
}

export function engineList(words: readonly string[]): { readonly url: string }[] {
  return words.map(url => ({ url }))
}

function isPort(word: string): boolean {
  return /^none$/i.test(word) || (/^\d{1,5}$/.test(word) && Number(word) <= 65_535)
}
