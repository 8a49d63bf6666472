/** The attackers of a siege, each in a process of its own. */
import { join } from 'node:path'
import { Child, nodeCommand } from '../../src/process/child-process.ts'
import type { AttackPlan } from './attacks/attack.ts'
import { ATTACK_KINDS, type AttackKind } from './attacks/kinds.ts'
import type { FromAttacker, ToAttacker } from './attacks/messages.ts'
import type { Tally } from './attacks/tally.ts'

const MAIN = join(import.meta.dirname, 'attacks', 'main.ts')

export class Attackers {
  readonly #children: readonly (readonly [AttackKind, Child])[]

  constructor() {
    this.#children = ATTACK_KINDS.map(attack => [
      attack,
      Child.start({ ...nodeCommand(MAIN), stdout: 'inherit', channel: true }),
    ])
  }

  /** Starts all of them. @throws Error when a process ends. */
  async start(plan: AttackPlan): Promise<void> {
    await Promise.all(
      this.#children.map(([attack, child]) => exchange(child, { kind: 'start', attack, plan })),
    )
  }

  /** What all have got since their start. @throws Error when a process ends. */
  report(): Promise<ReadonlyMap<AttackKind, Tally>> {
    return this.#tallies({ kind: 'report' })
  }

  /** Closes the connections of all, and resolves with what they got. @throws Error when a process ends. */
  stop(): Promise<ReadonlyMap<AttackKind, Tally>> {
    return this.#tallies({ kind: 'stop' })
  }

  /** Kills the processes. */
  close(): void {
    for (const [, child] of this.#children) child.kill('SIGKILL')
  }

  async #tallies(question: ToAttacker): Promise<ReadonlyMap<AttackKind, Tally>> {
    const tallies = await Promise.all(
      this.#children.map(async ([attack, child]) => {
        const answer = await exchange(child, question)
        if (answer.kind !== 'tally')
          throw new TypeError(`An attacker sent an unexpected message: ${answer.kind}`)
        return [attack, answer.tally] as const
      }),
    )
    return new Map(tallies)
  }
}

function exchange(child: Child, message: ToAttacker): Promise<FromAttacker> {
  return child.firstMessage((answer: FromAttacker) => answer, message)
}
