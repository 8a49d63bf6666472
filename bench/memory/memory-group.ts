/**
 * A control group of the kernel that limits the memory of one process, without swap. Works with version 2 of control
 * groups and with version 1; needs the rights of root.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'

/** The names of the same files in both versions. A swap limit of version 1 includes the memory itself. */
const VERSION_2 = {
  limit: 'memory.max',
  swap: 'memory.swap.max',
  peak: 'memory.peak',
  events: 'memory.events',
}
const VERSION_1 = {
  limit: 'memory.limit_in_bytes',
  swap: 'memory.memsw.limit_in_bytes',
  peak: 'memory.max_usage_in_bytes',
  events: 'memory.oom_control',
}

export class MemoryGroup {
  readonly #folder: string
  readonly #files: typeof VERSION_2

  private constructor(folder: string, files: typeof VERSION_2) {
    this.#folder = folder
    this.#files = files
  }

  /** @throws Error if the kernel offers no such groups, or the caller may not create one. */
  static create(name: string, limitBytes: number): MemoryGroup {
    const isVersion1 = existsSync(join(ROOT, 'memory', VERSION_1.limit)) || existsSync(join(ROOT, 'memory'))
    const parent = isVersion1 ? join(ROOT, 'memory') : ROOT
    if (!isVersion1) writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+memory')
    const folder = join(parent, name)
    mkdirSync(folder)
    const group = new MemoryGroup(folder, isVersion1 ? VERSION_1 : VERSION_2)
    group.#write(group.#files.limit, String(limitBytes))
    if (existsSync(join(folder, group.#files.swap)))
      group.#write(group.#files.swap, isVersion1 ? String(limitBytes) : '0')
    return group
  }

  /** The file into which a process writes its id to join. */
  get membersFile(): string {
    return join(this.#folder, 'cgroup.procs')
  }

  /** The most memory that the group has used so far, the file cache included. */
  get peakBytes(): number {
    return Number(this.#read(this.#files.peak))
  }

  /** How many processes of the group the kernel has ended for lack of memory. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read(this.#files.events))?.[1] ?? 0)
  }

  /** The group must have no process left. */
  remove(): void {
    rmdirSync(this.#folder)
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8')
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text)
  }
}
