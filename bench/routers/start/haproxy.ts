/** Configuration of haproxy as a baseline: one hop to the decode engines. Pure. */

export interface HaproxyOptions {
  /** Client connections; each needs two descriptors. */
  readonly maxConnections?: number
  /** Forwards each stream event at once; by default haproxy lets the kernel delay it by up to 200 ms. */
  readonly isPrompt?: boolean
}

export function haproxyConfig(
  port: number,
  enginePorts: readonly number[],
  { maxConnections = 4000, isPrompt = false }: HaproxyOptions = {},
): string {
  const servers = enginePorts.map((engine, index) => `  server d${index} 127.0.0.1:${engine}`)
  return `global
  nbthread 1
  maxconn ${maxConnections}
defaults
  mode http
  option http-keep-alive${isPrompt ? '\n  option http-no-delay' : ''}
  http-reuse always
  retries 0
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port}
  default_backend engines
backend engines
  balance roundrobin
${servers.join('\n')}
`
}
