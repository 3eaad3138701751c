import { TrustError } from '../error.ts'

export function invalid(reason: string): TrustError {
  return new TrustError('ceremony-invalid', `The ceremony cannot go on: ${reason}.`)
}
