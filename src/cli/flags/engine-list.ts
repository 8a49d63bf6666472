/**
 * Parses the values of --prefill, --decode and --worker-urls. A word that is not a URL, and a number that is not a port,
 * are left to the schema to reject.
 */

interface PrefillWords {
  readonly url: string
  bootstrapPort?: number
}

/**
 * Parses `[URL, 8998, URL, none, URL]` as the Rust router does: the word after a URL is its bootstrap port if it is a
 * number or `none` in any case. `none` is equivalent to no port.
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
  return /^(?:none|\d+)$/i.test(word)
}
