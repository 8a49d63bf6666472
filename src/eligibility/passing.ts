/** Filters a list without allocating in the usual case: if all elements pass, the list itself is returned. */
export function passing<Item>(list: readonly Item[], passes: (item: Item) => boolean): readonly Item[] {
  return list.every(passes) ? list : list.filter(passes)
}
