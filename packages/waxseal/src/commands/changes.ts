import type { Administration, ChangeOutcome, RegisterOutcome } from '@waxseal/index'
import type { AdministerOptions } from '../administer.ts'
import { administer } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { printResult } from '../output.ts'

/** Makes one change, waits until it is published, and says so; a refusal ends the command with its sentence. */
export function change(
  options: AdministerOptions,
  done: string,
  work: (index: Administration) => Promise<ChangeOutcome | RegisterOutcome>,
): Promise<void> {
  return administer(options, async (index) => {
    const outcome = await work(index)
    if (outcome.kind === 'refused') throw new CommandError(outcome.code, outcome.message, EXIT_REFUSED)
    const snapshot = await index.management.settled()
    const changed = outcome.kind === 'done'
    printResult(options, { changed, snapshot }, [changed ? `${done} (snapshot ${snapshot})` : 'Nothing to change.'])
  })
}

/** What a command says about a name that nobody uploaded, claimed or asked for. */
export function unknownProject(name: string): CommandError {
  return new CommandError('not-found', `Nothing is recorded about ${name}; see: waxseal why ${name}`, EXIT_REFUSED)
}
