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
  const advice = isUnknownAuthority(cause) ? AUTHORITY_ADVICE : trustAdvice('fetch-failed')
  return new GuardError('index-unreachable', `${url} could not be asked: ${reason} ${advice}`, { cause })
}

export function notOffered(project: string, what: string): GuardError {
  return new GuardError(
    'not-offered',
    `${what} is not offered by the index, as far as anything is signed. What there is: waxseal why ${project}`,
    { data: { project } },
  )
}

/** What is signed is older than what was seen (attacks.md RB-POL), or this guard has not seen yet what another one has. */
export function wentBack(message: string, data: Readonly<Record<string, unknown>> = {}): GuardError {
  return new GuardError('name-refused', message, { data: { ...data, isBehind: true } })
}

export function isBehind(error: unknown): boolean {
  return error instanceof GuardError && error.data['isBehind'] === true
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

const AUTHORITY_ADVICE =
  'Its certificate comes from an authority that is not known here: NODE_EXTRA_CA_CERTS=FILE names it, NODE_USE_SYSTEM_CA=1 takes those of the system.'
/** As OpenSSL's verification ends where nobody known has signed a certificate. */
const UNKNOWN_AUTHORITY: readonly unknown[] = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]

function isUnknownAuthority(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && UNKNOWN_AUTHORITY.includes(error.code)) || isUnknownAuthority(error.cause)
}
