/** Where each request of a load goes: to the target, to several gateways in turn, or straight to an engine. Pure. */
import type { LoadPlan, Pinned } from '../plan/plan.ts'
import type { Prompts } from '../prompts/prompt.ts'

export interface Route {
  readonly url: string
  /** The prefill engine of a pair, which gets the same body. */
  readonly prefillUrl?: string
  /** Members that the bodies of both engines of a pair get: where they meet. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** @throws Error when the load is pinned and its prompts have no common beginnings. */
export function routesOf(plan: LoadPlan, prompts: Prompts): (index: number) => Route {
  if (plan.pinned !== undefined) return pinnedRoutes(plan.pinned, prompts)
  const routes = [plan.url, ...plan.otherUrls].map(url => ({ url }))
  return index => atIndex(routes, index)
}

function pinnedRoutes(pinned: Pinned, { pins }: Prompts): (index: number) => Route {
  if (pins === undefined) throw new Error('The prompts of the dataset have no beginnings to pin them by')
  if (pinned.kind === 'mixed') {
    const [pinOf, routes] = [pins(pinned.urls.length), pinned.urls.map(url => ({ url }))]
    return index => atIndex(routes, pinOf(index))
  }
  const { prefill, decode } = pinned
  const pinOf = pins(prefill.length)
  return index => {
    const { url, bootstrapPort } = atIndex(prefill, pinOf(index))
    const members = {
      bootstrap_host: new URL(url).hostname,
      bootstrap_port: bootstrapPort,
      bootstrap_room: index + 1,
    }
    return { url: atIndex(decode, index), prefillUrl: url, members }
  }
}

function atIndex<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length]
  if (found === undefined) throw new RangeError('There is nothing to send requests to')
  return found
}
