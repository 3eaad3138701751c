import { serversRoles } from '@waxseal/index'
import { describeNameTarget } from '@waxseal/index/names'
import { describeRequest } from '@waxseal/trust'
import type { CeremonyRequest } from '@waxseal/trust'

/** What a request of an index changes, in words, line by line. */
export function requestWords(request: CeremonyRequest): readonly string[] {
  return describeRequest(request, serversRoles(), describeNameTarget)
}
