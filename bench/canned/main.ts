/**
 * Entry of the canned engines: `node bench/canned/main.ts --port-base 30000 --engines 2`.
 *
 * Prints one line of JSON with the ports once all of them are open. Ends at SIGTERM or SIGINT.
 */
import { parseCannedOptions } from './options.ts'
import { createCannedEngine, type Role } from './server.ts'
import { loadUws, type UwsApp } from './uws.ts'

const options = parseCannedOptions(process.argv.slice(2))
const uws = loadUws()
const engine = createCannedEngine(options.chunks, options.intervalMs)

const prefill = await openRole('prefill', options.portBase)
const decode = await openRole('decode', options.portBase + options.engines)
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => process.exit(0))
process.stdout.write(`${JSON.stringify({ prefill, decode })}\n`)

async function openRole(role: Role, firstPort: number): Promise<number[]> {
  const app = uws.App()
  engine.mount(app, role)
  const ports = Array.from({ length: options.engines }, (_, index) =>
    options.portBase === 0 ? 0 : firstPort + index,
  )
  return await Promise.all(ports.map(port => listen(app, port)))
}

function listen(app: UwsApp, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', port, socket => {
      if (socket === false) reject(new Error(`Port ${port} is in use`))
      else resolve(uws.us_socket_local_port(socket))
    })
  })
}
