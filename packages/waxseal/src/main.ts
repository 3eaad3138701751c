import { CommanderError } from 'commander'
import { EXIT_DONE, EXIT_ENVIRONMENT, EXIT_USAGE } from './exit-codes.ts'
import { jsonText, terminalText } from './output.ts'
import { createProgram } from './program.ts'

/** The one document of a command that failed. */
function printFailure(code: string, message: string, data: object = {}): void {
  process.stdout.write(jsonText({ error: { code, message, ...data } }))
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await (await createProgram(argv[0])).parseAsync(argv, { from: 'user' })
    return EXIT_DONE
  } catch (error) {
    // Help and version end a command too; commander has printed what there is to say.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT_DONE
      // A command alone, without its subcommand: its help stands on standard error, and nothing was done.
      const message = error.code === 'commander.help' ? 'A command is missing; see --help.' : error.message
      if (isJson) printFailure('wrong-use', message.replace(/^error: /, ''))
      return EXIT_USAGE
    }
    // Loaded when something fails: it knows the server's errors, and what runs programs has no use for a server.
    const { explainFailure } = await import('./explain-failure.ts')
    const { code, message, exitCode, data } = explainFailure(error)
    if (isJson) printFailure(code, message, data)
    process.stderr.write(terminalText(`waxseal: ${message}`.split('\n')))
    return exitCode
  }
}

/** A promise that nothing can settle any more is a bug, here or in a library; Node's own exit code for it is 13. */
function stoppedInItsMidst(): void {
  const message = 'The command stopped in its midst: what it waited for cannot come any more. Please report this.'
  if (isJson) printFailure('failed', message)
  process.stderr.write(`waxseal: ${message}\n`)
  process.exitCode = EXIT_ENVIRONMENT
}

const argv = process.argv.slice(2)
/** What a program is told that we run is not said to us. */
const separator = argv.indexOf('--')
const isJson = argv.slice(0, separator === -1 ? undefined : separator).includes('--json')
process.stderr.on('error', () => undefined)
process.stdout.once('error', (error: NodeJS.ErrnoException) => {
  process.stdout.on('error', () => undefined)
  // Whoever read our output (`| head`) has enough of it; a server works on whether it is heard or not.
  if (error.code === 'EPIPE' || argv[0] === 'serve') return
  process.stderr.write(`waxseal: What there is to say could not be written (${error.code ?? error.message}).\n`)
  process.exitCode = EXIT_ENVIRONMENT
})
process.once('beforeExit', stoppedInItsMidst)
// No await at the top, which CommonJS does not know (docs/decisions/0020-one-executable.md).
void main(argv).then((exitCode) => {
  process.off('beforeExit', stoppedInItsMidst)
  process.exitCode ||= exitCode
})
