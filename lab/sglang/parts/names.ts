/** The parts of the SGLang lab, in the order in which they run: engines of one front end follow one another. */
export const PARTS = [
  'conformance-python',
  'aborts-python',
  'load',
  'kills',
  'pauses',
  'drains',
  'overload',
  'prefix-caches',
  'ranks',
  'kv-events',
  'conformance-rust',
  'aborts-rust',
  'ends-rust',
] as const

export type PartName = (typeof PARTS)[number]
