/** The elements that pass, in order; the list itself when all do, which is the usual case and makes nothing new. Pure. */
export function passing<Item>(list: readonly Item[], passes: (item: Item) => boolean): readonly Item[] {
  return list.every(passes) ? list : list.filter(passes)
}
