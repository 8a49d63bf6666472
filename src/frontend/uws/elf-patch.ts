/**
 * Patches a shared library that was linked against glibc 2.38 so that it loads with an older glibc, if only the C23
 * number parsers tie it to 2.38. Pure; `uws.ts` reads and writes the files.
 *
 * With the headers of glibc 2.38, compilers rename strtol, strtoul and sscanf to `__isoc23_…`. The new functions differ
 * only in that they read `0b` literals. The patch points each such symbol at the rest of its own name after the prefix,
 * which is the old function, and gives it the oldest symbol version. The requirement of GLIBC_2.38 becomes a weak one,
 * which the loader may leave unmet.
 */

export type PatchResult =
  | { readonly kind: 'unneeded' }
  | { readonly kind: 'patched'; readonly image: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'refused'; readonly reason: string }

const NEWER = 'GLIBC_2.38'
/** The oldest symbol versions on x64 and on arm64. */
const OLDEST = new Set(['GLIBC_2.2.5', 'GLIBC_2.17'])
const RENAMED = new Set(['__isoc23_strtol', '__isoc23_strtoul', '__isoc23_sscanf'])
const RENAME_PREFIX = '__isoc23_'.length

const SECTION = { dynsym: 11, verneed: 0x6fff_fffe, versym: 0x6fff_ffff } as const
const SYMBOL_BYTES = 24
const WEAK = 2
const VERSION_MASK = 0x7fff

interface Section {
  readonly type: number
  readonly offset: number
  readonly size: number
  readonly link: number
}

interface NeededVersion {
  readonly name: string
  /** The index by which entries of the version table refer to this version. */
  readonly index: number
  readonly flagsOffset: number
  readonly flags: number
}

/** Returns a patched copy, or why there is none. */
export function patchForOlderGlibc(original: Uint8Array): PatchResult {
  const image = new Uint8Array(original)
  const view = new DataView(image.buffer)
  try {
    return patch(image, view)
  } catch (cause) {
    if (cause instanceof RangeError) return { kind: 'refused', reason: 'not a well-formed library' }
    throw cause
  }
}

function patch(image: Uint8Array<ArrayBuffer>, view: DataView): PatchResult {
  if (!isElf64(view)) return { kind: 'refused', reason: 'not a 64-bit little-endian ELF library' }
  const tables = findTables(view)
  if (tables === undefined) return { kind: 'refused', reason: 'no symbol versions' }

  const nameOf = (offset: number): string => readName(image, tables.strings.offset + offset)
  const needed = readNeeds(view, tables.needs, nameOf)
  const newer = needed.filter(version => version.name === NEWER && (version.flags & WEAK) === 0)
  if (newer.length === 0) return { kind: 'unneeded' }
  const oldest = needed.find(version => OLDEST.has(version.name))
  if (oldest === undefined) return { kind: 'refused', reason: 'no old version to fall back to' }

  const newerIndexes = new Set(newer.map(version => version.index))
  for (const { nameField, versionField } of symbolsOf(tables)) {
    if (!newerIndexes.has(view.getUint16(versionField, true) & VERSION_MASK)) continue
    const nameOffset = view.getUint32(nameField, true)
    const name = nameOf(nameOffset)
    if (!RENAMED.has(name)) return { kind: 'refused', reason: `${name} needs ${NEWER}` }
    view.setUint32(nameField, nameOffset + RENAME_PREFIX, true)
    view.setUint16(versionField, oldest.index, true)
  }
  for (const version of newer) view.setUint16(version.flagsOffset, version.flags | WEAK, true)
  return { kind: 'patched', image }
}

interface Tables {
  readonly symbols: Section
  readonly strings: Section
  readonly versions: Section
  readonly needs: Section
}

function findTables(view: DataView): Tables | undefined {
  const sections = readSections(view)
  const symbols = sections.find(section => section.type === SECTION.dynsym)
  const versions = sections.find(section => section.type === SECTION.versym)
  const needs = sections.find(section => section.type === SECTION.verneed)
  const strings = symbols && sections[symbols.link]
  return symbols && strings && versions && needs ? { symbols, strings, versions, needs } : undefined
}

function symbolsOf({ symbols, versions }: Tables): { nameField: number; versionField: number }[] {
  return Array.from({ length: symbols.size / SYMBOL_BYTES }, (_, index) => ({
    nameField: symbols.offset + index * SYMBOL_BYTES,
    versionField: versions.offset + index * 2,
  }))
}

function isElf64(view: DataView): boolean {
  return view.byteLength >= 64 && view.getUint32(0) === 0x7f45_4c46 && view.getUint16(4) === 0x0201
}

function readSections(view: DataView): Section[] {
  const start = Number(view.getBigUint64(0x28, true))
  const entryBytes = view.getUint16(0x3a, true)
  return Array.from({ length: view.getUint16(0x3c, true) }, (_, index) => {
    const entry = start + index * entryBytes
    return {
      type: view.getUint32(entry + 4, true),
      offset: Number(view.getBigUint64(entry + 24, true)),
      size: Number(view.getBigUint64(entry + 32, true)),
      link: view.getUint32(entry + 40, true),
    }
  })
}

/** Reads two nested linked lists: the needed libraries, and the needed versions of each. */
function readNeeds(view: DataView, section: Section, nameOf: (offset: number) => string): NeededVersion[] {
  const found: NeededVersion[] = []
  let library = section.offset
  for (let step = 1; step > 0; library += step) {
    let entry = library + view.getUint32(library + 8, true)
    for (let left = view.getUint16(library + 2, true); left > 0; left--) {
      found.push({
        name: nameOf(view.getUint32(entry + 8, true)),
        index: view.getUint16(entry + 6, true) & VERSION_MASK,
        flagsOffset: entry + 4,
        flags: view.getUint16(entry + 4, true),
      })
      entry += view.getUint32(entry + 12, true)
    }
    step = view.getUint32(library + 12, true)
  }
  return found
}

function readName(image: Uint8Array, start: number): string {
  const end = image.indexOf(0, start)
  if (end < 0) throw new RangeError('name without an end')
  return Buffer.from(image.buffer, image.byteOffset + start, end - start).toString('latin1')
}
