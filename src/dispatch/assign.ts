/** Chooses the router thread for the next exchange. Pure. */

/** The candidate with the fewest open exchanges, the first of equals; `undefined` without candidates. */
export function fewestOpen<Candidate extends { readonly openExchanges: number }>(
  candidates: readonly Candidate[],
): Candidate | undefined {
  let best = candidates[0]
  for (const candidate of candidates) {
    if (best === undefined || candidate.openExchanges < best.openExchanges) best = candidate
  }
  return best
}
