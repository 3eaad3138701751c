import type { TrustError } from '@waxseal/trust/client'
import { GuardError } from './error.ts'
import { trustAdvice } from './trust-advice.ts'

/** What is said where signatures do not hold, or cannot be had; the reason of `@waxseal/trust` is in `data.trust`. */
export function unverified(what: string, cause: TrustError, data: Readonly<Record<string, unknown>> = {}): GuardError {
  if (cause.code === 'fetch-failed') {
    const message = `${what} cannot be verified, because it cannot be had: ${cause.message} ${trustAdvice(cause.code)}`
    return new GuardError('index-unreachable', message, { cause, data: { trust: cause.code, ...data } })
  }
  const message = `${what} cannot be verified (${cause.code}): ${cause.message} ${trustAdvice(cause.code)}`
  return new GuardError('page-unverified', message, { cause, data: { trust: cause.code, ...data } })
}

/** What is said where an index does not answer, and nothing that was verified before will do. */
export function unreachable(url: string, reason: string, cause?: unknown): GuardError {
  return new GuardError('index-unreachable', `${url} could not be asked: ${reason} ${trustAdvice('fetch-failed')}`, {
    cause,
  })
}

export function notOffered(project: string, what: string): GuardError {
  return new GuardError(
    'not-offered',
    `${what} is not offered by the index, as far as anything is signed. What there is: waxseal why ${project}`,
    { data: { project } },
  )
}

/** Fetching failed: of a file or page whose place is signed. */
export function unavailable(project: string, filename: string, cause: TrustError): GuardError {
  const data = { project, filename, trust: cause.code }
  if (cause.code === 'fetch-failed') {
    return new GuardError('file-unavailable', `${filename} could not be had: ${cause.message}`, { cause, data })
  }
  return new GuardError(
    'file-unverified',
    `${filename} was refused (${cause.code}): ${cause.message} ${trustAdvice(cause.code)}`,
    {
      cause,
      data,
    },
  )
}
