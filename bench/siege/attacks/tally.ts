/** What the attackers of one kind have done and what they got. Plain data: it is sent to the reporting process. */
export interface Tally {
  /** Connections opened, and those that could not be. */
  opened: number
  notOpened: number
  /** Connections that the gateway closed, or that failed. */
  closed: number
  /** The most connections that were open at once. */
  peakOpen: number
  /** Responses by status. */
  readonly statuses: Record<string, number>
}

export function newTally(): Tally {
  return { opened: 0, notOpened: 0, closed: 0, peakOpen: 0, statuses: {} }
}

/** Counts the status lines in what an attacker has read. One that is cut in two by a read is not seen. */
export function countStatuses(tally: Tally, text: string): void {
  for (const [, status = ''] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
    if (status !== '100') tally.statuses[status] = (tally.statuses[status] ?? 0) + 1
  }
}
