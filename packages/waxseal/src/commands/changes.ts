import { changedDocument } from '@waxseal/index'
import type { Administration, ChangeOutcome, RegisterOutcome } from '@waxseal/index'
import type { AdministerOptions } from '../administer.ts'
import { administer } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { printResult } from '../output.ts'
import type { Output } from '../output.ts'

/** Makes one change, waits until it is published, and says so; a refusal ends the command with its sentence. */
export function change(
  options: AdministerOptions,
  done: string,
  work: (index: Administration) => Promise<ChangeOutcome | RegisterOutcome>,
): Promise<void> {
  return administer(options, async (index) => {
    await printChange(options, index, await work(index), [done])
  })
}

/** Says what became of a change once it is published: `done` where something changed, its last line with the snapshot. */
export async function printChange(
  options: Output,
  index: Administration,
  outcome: ChangeOutcome | RegisterOutcome,
  done: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  if (outcome.kind === 'refused') throw new CommandError(outcome.code, outcome.message, EXIT_REFUSED)
  const snapshot = await index.management.settled()
  const { denials } = changedDocument(outcome)
  const numbers = denials === undefined ? '' : `, denial ${denials.join(', ')}`
  printResult(
    options,
    { ...changedDocument(outcome), snapshot, ...more },
    linesOf(outcome, done, `(snapshot ${snapshot}${numbers})`),
  )
}

function linesOf(
  outcome: Exclude<ChangeOutcome | RegisterOutcome, { readonly kind: 'refused' }>,
  done: readonly string[],
  where: string,
): readonly string[] {
  const [first = '', ...rest] = done
  switch (outcome.kind) {
    case 'done':
      return [`${first} ${where}`, ...rest]
    case 'unchanged':
      return ['Nothing to change.']
    case 'waits':
      return [outcome.message, ...rest]
  }
}

/** What a command says about a name that nobody uploaded, claimed or asked for. */
export function unknownProject(name: string): CommandError {
  return new CommandError('not-found', `Nothing is recorded about ${name}; see: waxseal why ${name}`, EXIT_REFUSED)
}
