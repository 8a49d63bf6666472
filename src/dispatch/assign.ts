/** Which router thread gets the next exchange. Pure. */

/** The one with the fewest open exchanges, the first of equals; `undefined` when there is none. */
export function fewestOpen<Candidate extends { readonly openExchanges: number }>(
  candidates: readonly Candidate[],
): Candidate | undefined {
  let best = candidates[0]
  for (const candidate of candidates) {
    if (best === undefined || candidate.openExchanges < best.openExchanges) best = candidate
  }
  return best
}
