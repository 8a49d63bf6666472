/** Entry of `npm run lab -- NAME`: runs real engines or real clients with the gateway, outside of the tests. */
import { LABS } from './labs.ts'
import { labProgram } from './program.ts'

const program = labProgram(LABS, {
  out: text => process.stdout.write(text),
  env: process.env,
  signals: process,
  exit: code => process.exit(code),
})
await program.parseAsync()
