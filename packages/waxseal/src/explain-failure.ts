import { GuardError } from '@waxseal/guard'
import type { GuardErrorCode } from '@waxseal/guard'
import { damagedDatabaseMessage, IndexError, isDamagedDatabase } from '@waxseal/index'
import type { IndexErrorCode } from '@waxseal/index'
import { PackagingError } from '@waxseal/packaging'
import { TrustError } from '@waxseal/trust'
import { CommandError } from './command-error.ts'
import { EXIT_ENVIRONMENT, EXIT_REFUSED, EXIT_USAGE } from './exit-codes.ts'

/** What any failure says and how the command exits: never a stack trace. */
export function explainFailure(error: unknown): {
  readonly code: string
  readonly message: string
  readonly exitCode: number
  readonly data?: object
} {
  if (error instanceof CommandError) return error
  if (error instanceof PackagingError) return { code: error.code, message: error.message, exitCode: EXIT_USAGE }
  if (error instanceof IndexError) return { code: error.code, message: error.message, exitCode: exitCodeOf(error.code) }
  if (error instanceof GuardError) {
    return { code: error.code, message: error.message, exitCode: guardExitCode(error.code), data: error.data }
  }
  if (error instanceof TrustError) return { code: error.code, message: error.message, exitCode: trustExitCode(error) }
  if (isDamagedDatabase(error)) {
    return { code: 'storage-failed', message: damagedDatabaseMessage(error), exitCode: EXIT_ENVIRONMENT }
  }
  if (error instanceof Error) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'failed'
    return { code, message: error.message, exitCode: EXIT_ENVIRONMENT }
  }
  return { code: 'failed', message: String(error), exitCode: EXIT_ENVIRONMENT }
}

function exitCodeOf(code: IndexErrorCode): number {
  switch (code) {
    case 'config-invalid':
      return EXIT_USAGE
    case 'backup-damaged':
    case 'conflict':
    case 'limit-exceeded':
    case 'not-allowed':
    case 'not-found':
      return EXIT_REFUSED
    case 'blob-damaged':
    case 'blob-missing':
    case 'database-busy':
    case 'digest-mismatch':
    case 'keys-unusable':
    case 'publish-fenced':
    case 'read-only':
    case 'storage-failed':
    case 'storage-full':
    case 'upstream-failed':
    case 'wrong-database':
      return EXIT_ENVIRONMENT
  }
}

/** A key that cannot be reached is the environment's; everything else was looked at and not accepted. */
function trustExitCode({ code }: TrustError): number {
  return code === 'signer-failed' || code === 'fetch-failed' ? EXIT_ENVIRONMENT : EXIT_REFUSED
}

function guardExitCode(code: GuardErrorCode): number {
  switch (code) {
    case 'cache-unusable':
    case 'command-not-found':
    case 'credentials-unusable':
    case 'index-unreachable':
    case 'port-taken':
    case 'trust-unusable':
      return EXIT_ENVIRONMENT
    case 'client-unknown':
    case 'config-unreadable':
    case 'configuration-refused':
    case 'denied':
    case 'file-changed':
    case 'file-cooldown':
    case 'file-unapproved':
    case 'file-unavailable':
    case 'file-unverified':
    case 'lock-unreadable':
    case 'name-refused':
    case 'not-offered':
    case 'not-trusted':
    case 'option-refused':
    case 'outside-refused':
    case 'page-unverified':
    case 'requirement-refused':
    case 'root-differs':
    case 'sidecar-differs':
    case 'source-archive':
    case 'trust-exists':
      return EXIT_REFUSED
  }
}
