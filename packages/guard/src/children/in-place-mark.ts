import { readFileSync } from 'node:fs'
import { isTable } from './toml.ts'

const HEAD = '# waxseal run '

/**
 * Says whose loopback URLs a file holds, and what it held before. As text it is a comment of TOML above the file of before: renamed to it,
 * it is that file.
 */
export class InPlaceMark {
  readonly loopback: string
  /** Undefined: there was no file. */
  readonly before: string | undefined
  readonly #pid: number
  readonly #started: string | undefined

  private constructor(loopback: string, before: string | undefined, pid: number, started: string | undefined) {
    this.loopback = loopback
    this.before = before
    this.#pid = pid
    this.#started = started
  }

  static ofThisProcess(loopback: string, before: string | undefined): InPlaceMark {
    return new InPlaceMark(loopback, before, process.pid, startOf(process.pid))
  }

  /** Undefined for what `toText` did not make. */
  static fromText(text: string): InPlaceMark | undefined {
    const end = text.indexOf('\n')
    if (!text.startsWith(HEAD) || end === -1) return undefined
    const { loopback, pid, started, wasThere } = headOf(text.slice(HEAD.length, end))
    if (typeof loopback !== 'string' || typeof pid !== 'number' || loopback === '') return undefined
    const before = wasThere === true ? text.slice(end + 1) : undefined
    return new InPlaceMark(loopback, before, pid, typeof started === 'string' ? started : undefined)
  }

  toText(): string {
    const { loopback, before } = this
    const head = { loopback, pid: this.#pid, started: this.#started, wasThere: before !== undefined }
    return `${HEAD}${JSON.stringify(head)}\n${before ?? ''}`
  }

  ownerIsRunning(): boolean {
    return isRunning(this.#pid) && startOf(this.#pid) === this.#started
  }
}

function headOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const head: unknown = JSON.parse(text)
    return isTable(head) ? head : {}
  } catch {
    return {}
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Another user's process is one.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * When a process began: numbers come again, in a container from one start to the next. Undefined where the system does not say it in a
 * file: the number alone has to do there.
 */
function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    // The name before it may hold anything (proc_pid_stat(5), field 22).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')
    return `${boot} ${fields[19] ?? ''}`
  } catch {
    return undefined
  }
}
