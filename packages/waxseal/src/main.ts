import { CommanderError } from 'commander'
import { explainFailure } from './command-error.ts'
import { createProgram } from './program.ts'
import { EXIT_DONE, EXIT_USAGE } from './exit-codes.ts'

/** The one document of a command that failed. */
function printFailure(code: string, message: string, data: object = {}): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message, ...data } })}\n`)
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv, { from: 'user' })
    return EXIT_DONE
  } catch (error) {
    // Help and version end a command too; commander has printed what there is to say.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT_DONE
      if (argv.includes('--json')) printFailure('wrong-use', error.message.replace(/^error: /, ''))
      return EXIT_USAGE
    }
    const { code, message, exitCode, data } = explainFailure(error)
    if (argv.includes('--json')) printFailure(code, message, data)
    process.stderr.write(`waxseal: ${message}\n`)
    return exitCode
  }
}

process.exitCode = await main(process.argv.slice(2))
