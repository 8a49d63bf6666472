/** Entry of the program: runs the command line with the real gateway and the real simulator behind it. */
import { runCli } from './cli/program.ts'
import { startSimulatedFleet } from './cli/simulated-fleet.ts'
import { startGateway } from './gateway.ts'

const code = await runCli(process.argv.slice(2), process.env, {
  startGateway,
  startFleet: startSimulatedFleet,
})
if (code !== undefined) process.exit(code)
