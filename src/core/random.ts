/** A source of chance in [0, 1). Passed in, so that tests can seed it. */
export type Random = () => number
