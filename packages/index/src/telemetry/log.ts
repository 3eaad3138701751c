import { isatty } from 'node:tty'
import { pino } from 'pino'
import type { Logger } from 'pino'
import { LOG_EXIT_MS } from '../limits.ts'
import { withDeadline } from '../with-deadline.ts'
import { LogWriter } from './log-writer.ts'
import { redactor } from './redact.ts'
import { textLine } from './text-line.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** What is logged, and how. */
export interface LogConfig {
  readonly level: (typeof LOG_LEVELS)[number]
  /** `auto`: text for people on a terminal, JSON lines elsewhere. */
  readonly format: 'auto' | 'json' | 'text'
  /** False: of requests only those that failed. */
  readonly requests: boolean
}

export interface OpenLog extends AsyncDisposable {
  readonly log: Logger
  /** Takes a whole JSON line, with its line feed, as the log writes them. */
  readonly writeLine: (line: string) => void
}

/** Where the log goes: standard error, because standard output belongs to the command. */
const STDERR = 2

export interface LogParts {
  /** They appear in no line, whoever puts them there. */
  readonly secrets: readonly string[]
  /** Told how many lines could not be written. */
  readonly onLost: (lines: number) => void
  /** Takes the lines, in place of standard error. */
  readonly write: ((line: string) => void) | undefined
}

/** Opens the log of this process. Disposing of it writes what is left. */
export function openLog(config: LogConfig, { secrets, onLost, write }: LogParts): OpenLog {
  const asText = config.format === 'text' || (config.format === 'auto' && isatty(STDERR))
  const redact = redactor(secrets)
  const writer = new LogWriter(STDERR, (lines) => {
    onLost(lines)
    log.warn({ lines }, 'log lines were lost')
  })
  const put = write ?? ((line: string) => writer.write(line))
  const writeLine = (line: string): void => put(asText ? textLine(redact(line)) : redact(line))
  const log = pino(
    {
      level: config.level,
      // Host and process are what the collector of the log knows by itself.
      base: null,
      timestamp: () => `,"time":"${isoNow()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // What stands under `err` is a `LoggedError`; pino would take its type for that of any object.
      serializers: { err: (error: unknown) => error },
    },
    { write: writeLine },
  )
  return {
    log,
    writeLine,
    async [Symbol.asyncDispose]() {
      // Whoever reads the log may stand still: that keeps no process from ending.
      await withDeadline(writer[Symbol.asyncDispose](), LOG_EXIT_MS, () => undefined)
    },
  }
}

let lastTime = 0
let lastText = ''

/** The time of a line. Making the text costs more than the rest of a short line; many lines have the same millisecond. */
export function isoNow(): string {
  const now = Date.now()
  if (now !== lastTime) {
    lastTime = now
    lastText = new Date(now).toISOString()
  }
  return lastText
}
