import { TrustError } from '@waxseal/trust'
import { isSystemError } from '../blobs/durable.ts'
import { IndexError, isFull } from '../error.ts'
import { isUnavailable } from '../store/store.ts'
import type { Refusal } from './refuse.ts'

/** How a failure that no route expected is told: a state that may pass is 503; whatever else is a bug, without details. */
export function failureRefusal(error: unknown): Refusal {
  if (isFull(error)) return { code: 'storage-full', retryAfter: 5 }
  if (!(error instanceof IndexError)) {
    // Keys in a service that does not answer: what is written is published when it does.
    if (isUnavailable(error) || (error instanceof TrustError && error.code === 'signer-failed'))
      return { code: 'internal-unavailable', retryAfter: 5 }
    return isSystemError(error) ? { code: 'storage-unavailable', retryAfter: 5 } : { code: 'internal-error' }
  }
  switch (error.code) {
    case 'upstream-failed':
      return { code: 'upstream-unavailable', detail: error.message, ...retryAfter(error.cause) }
    case 'digest-mismatch':
      return { code: 'upstream-file-changed', detail: error.message }
    case 'not-found':
      return { code: 'file-not-found', detail: error.message }
    case 'limit-exceeded':
      return { code: 'too-busy', retryAfter: 5 }
    case 'blob-damaged':
    case 'blob-missing':
      return { code: 'stored-file-lost', detail: error.message }
    case 'storage-full':
    case 'storage-failed':
      return { code: 'storage-unavailable' }
    case 'read-only':
      return { code: 'read-only', detail: error.message }
    case 'database-busy':
      return { code: 'internal-unavailable', detail: error.message, retryAfter: 5 }
    case 'publish-fenced':
      return { code: 'internal-unavailable', retryAfter: 5 }
    case 'backup-damaged':
    case 'config-invalid':
    case 'conflict':
    case 'keys-unusable':
    case 'not-allowed':
    case 'wrong-database':
      return { code: 'internal-error' }
  }
}

/** An upstream's own wish, where the failure carries it. */
function retryAfter(cause: unknown): { readonly retryAfter?: number } {
  if (typeof cause !== 'object' || cause === null || !('retryAfterMs' in cause)) return {}
  return typeof cause.retryAfterMs === 'number' ? { retryAfter: cause.retryAfterMs / 1000 } : {}
}
