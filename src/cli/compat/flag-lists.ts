/** Lists of flags of other routers, by the number of their values, because commander has to know it. */

export type Arity = 'none' | 'one' | 'many'

export type FlagLists = Readonly<Record<Arity, readonly string[]>>

/** Names of flags, separated by white space. */
export function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

export function allOf(lists: FlagLists): readonly string[] {
  return Object.values(lists).flat()
}
