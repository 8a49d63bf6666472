/**
 * Entry of the process of an attacker. It has the lowest priority, so that honest clients and engines, which share its core,
 * do not wait for it: what slows them is then what the attack does to the gateway.
 */
import { constants, setPriority } from 'node:os'
import type { Attack } from './attack.ts'
import { ATTACKS } from './kinds.ts'
import type { FromAttacker, ToAttacker } from './messages.ts'
import { newTally } from './tally.ts'

let attack: Attack | undefined

setPriority(constants.priority.PRIORITY_LOW)
process.on('message', (message: ToAttacker) => onMessage(message))
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole process group; the siege decides when the attackers stop.
process.on('SIGINT', () => undefined)

function onMessage(message: ToAttacker): void {
  switch (message.kind) {
    case 'start':
      attack = ATTACKS[message.attack](message.plan)
      return send({ kind: 'started' })
    case 'stop':
      attack?.close()
      return send({ kind: 'tally', tally: attack?.tally ?? newTally() })
    case 'report':
      return send({ kind: 'tally', tally: attack?.tally ?? newTally() })
  }
}

function send(message: FromAttacker): void {
  process.send?.(message)
}
