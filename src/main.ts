/** Entry point of the program: runs the command line with the real gateway and the real simulator. */

import { runCli } from './cli/program.ts'
import { startGateway } from './gateway.ts'
import { outliveReaders } from './process/broken-pipe.ts'

outliveReaders()
const code = await runCli(process.argv.slice(2), process.env, {
  startGateway,
  startFleet: async options => {
    // Loaded on demand, so that a gateway in production does not carry the simulator.
    const { startSimulatedFleet } = await import('./cli/simulated-fleet.ts')
    return startSimulatedFleet(options)
  },
})
if (code !== undefined) process.exit(code)
