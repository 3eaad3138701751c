import { existsSync } from 'node:fs'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import type { SetupRequest } from './setup-plan.ts'

/** `path`, if the project has it. Throws CommandError `no-project` with the command that makes one. */
export function requireProjectFile({ scope, projectDir }: SetupRequest, path: string, command: string): string {
  if (scope !== undefined && scope !== 'project') {
    throw new CommandError('scope-invalid', 'This client keeps its sources in the project only.', EXIT_USAGE)
  }
  if (existsSync(path)) return path
  throw new CommandError(
    'no-project',
    `There is no ${path}. Run "${command}" in ${projectDir}, or name the project's folder with --project-dir.`,
    EXIT_USAGE,
  )
}
