/** The gateway's metrics, as tests read them from the admin listener. */

/** Sum of a counter or gauge over all engines and labels; of those whose labels contain `label`, such as `kind="lost"`. */
export async function totalOf(adminOrigin: string, name: string, label = ''): Promise<number> {
  const text = await (await fetch(`${adminOrigin}/metrics`)).text()
  const values = text.matchAll(new RegExp(`^${name}\\{[^}]*${label}[^}]*\\} (\\d+)$`, 'gm'))
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0)
}
