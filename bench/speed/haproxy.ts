/** The proxy that the gateway is measured against: its configuration, one hop to the canned decode ports. */

export function haproxyConfig(port: number, enginePorts: readonly number[]): string {
  const servers = enginePorts.map((engine, index) => `  server d${index} 127.0.0.1:${engine}`)
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option http-keep-alive
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
