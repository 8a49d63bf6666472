/** The labs of `npm run lab`. What a lab does is imported only when it runs. */
import { CLIENT_PARTS } from './clients/parts.ts'
import type { Lab } from './report/lab.ts'
import { PARTS as SGLANG_PARTS } from './sglang/parts/names.ts'

export const LABS: readonly Lab[] = [
  {
    name: 'sglang',
    description: 'Real SGLang engines on CPUs: pairs and unified engines, with Python and Rust front ends.',
    parts: SGLANG_PARTS,
    run: async context => (await import('./sglang/lab.ts')).runSglangLab(context),
  },
  {
    name: 'clients',
    description:
      'Client libraries, bench tools and front proxies of other projects, before simulated engines.',
    parts: CLIENT_PARTS,
    run: async context => (await import('./clients/clients-lab.ts')).runClientsLab(context),
  },
]
