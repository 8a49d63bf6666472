/** Takes the settings of front proxies from the document that users copy them from, so that both stay the same. Pure. */

/** Ports that the document names, and those to use instead. */
export interface ProxyPorts {
  readonly listen: number
  readonly gateway: number
  readonly admin: number
}

/** What the document has under a heading, and what to put in its place. */
type Replacement = readonly [documented: string, used: (ports: ProxyPorts) => string]

const GATEWAY: Replacement = ['127.0.0.1:30000', ({ gateway }) => `127.0.0.1:${gateway}`]

const REPLACEMENTS = {
  nginx: [GATEWAY, ['listen 80;', ({ listen }) => `listen 127.0.0.1:${listen};`]],
  HAProxy: [GATEWAY, ['bind :80', ({ listen }) => `bind 127.0.0.1:${listen}`]],
  Caddy: [GATEWAY, [':80 {', ({ listen }) => `http://127.0.0.1:${listen} {`]],
} satisfies Record<string, readonly Replacement[]>

export type ProxyName = keyof typeof REPLACEMENTS

/** The settings under the heading of the proxy, with other ports. @throws Error if the document has changed its form. */
export function documentedSettings(document: string, proxy: ProxyName, ports: ProxyPorts): string {
  const section = document.split(/^## /m).find(text => text.startsWith(`${proxy}\n`))
  const settings = section?.match(/^```\w*\n([^]*?)^```$/m)?.[1]
  if (settings === undefined) throw new Error(`The document has no code block under the heading "${proxy}"`)
  return replaced(settings, REPLACEMENTS[proxy], ports)
}

/**
 * HAProxy's settings with the health check by HTTP/1.0 that the document describes below them: a plain `option httpchk` on
 * the admin listener.
 */
export function withOldHealthCheck(settings: string, ports: ProxyPorts): string {
  const check = 'http-check send meth GET uri /readiness ver HTTP/1.1 hdr Host gateway'
  const changes: readonly Replacement[] = [
    [`option httpchk\n  ${check}\n`, () => 'option httpchk GET /readiness\n'],
    [' check inter', ({ admin }) => ` check port ${admin} inter`],
  ]
  return replaced(settings, changes, ports)
}

function replaced(settings: string, replacements: readonly Replacement[], ports: ProxyPorts): string {
  return replacements.reduce((text, [documented, used]) => {
    const parts = text.split(documented)
    if (parts.length !== 2)
      throw new Error(`The settings must have "${documented}" once, not ${parts.length - 1} times`)
    return parts.join(used(ports))
  }, settings)
}
