/** Ends a command with a sentence for people and an exit code for scripts. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: string
  readonly exitCode: number
  /** What `--json` tells beside code and message. */
  readonly data: object

  constructor(
    code: string,
    message: string,
    exitCode: number,
    options?: { readonly cause?: unknown; readonly data?: object },
  ) {
    super(message, options)
    this.code = code
    this.exitCode = exitCode
    this.data = options?.data ?? {}
  }
}
