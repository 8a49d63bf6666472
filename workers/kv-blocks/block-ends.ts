/** Where the blocks of prompts end that are hashed as bytes; see `workers/request/block-hashes.ts`. */

/** Size of the first blocks, in bytes. A smaller prompt has none. */
const FIRST_BLOCK_BYTES = 256
/** Blocks in each doubling of the position. */
const BLOCKS_PER_OCTAVE = 8
/** Up to here all blocks have the size of the first. */
const FIRST_OCTAVE_BYTES = FIRST_BLOCK_BYTES * BLOCKS_PER_OCTAVE
/** What of a prompt is hashed, in bytes; the rest counts as unknown. More than the context of most engines. */
export const MAX_HASHED_BYTES = 4_194_304
/** Where each block of any prompt ends, in bytes from the beginning of the prompt. */
export const BLOCK_ENDS: readonly number[] = blockEnds()

function blockEnds(): number[] {
  const ends: number[] = []
  for (let end = FIRST_BLOCK_BYTES; end <= MAX_HASHED_BYTES; end += blockBytesAt(end)) ends.push(end)
  return ends
}

/** Size of the block that begins there, in bytes: a power of two. */
function blockBytesAt(position: number): number {
  if (position < FIRST_OCTAVE_BYTES) return FIRST_BLOCK_BYTES
  return 2 ** (31 - Math.clz32(position)) / BLOCKS_PER_OCTAVE
}
