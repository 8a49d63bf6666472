/** The labs of `npm run lab`. What a lab does is imported only when it runs. */
import type { Lab } from './report/lab.ts'

export const LABS: readonly Lab[] = []
