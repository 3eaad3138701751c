import type { IncomingMessage } from 'node:http'
import type { Authenticator } from '../access/authenticator.ts'
import { parseAuthorization } from '../access/credentials.ts'
import type { Requester } from '../access/permissions.ts'
import type { Refusal } from './refuse.ts'

/** Tells who sent a request, or how it is refused: one answer for every wrong credential (attacks.md ENUM/TIMING). */
export async function identify(
  authenticator: Authenticator,
  req: IncomingMessage,
  address: string,
): Promise<Requester | { readonly kind: 'refused'; readonly refusal: Refusal }> {
  const credentials = parseAuthorization(req.headers.authorization)
  if (credentials.kind === 'none') return { kind: 'anonymous' }
  const answer = await authenticator.authenticate(credentials, address)
  switch (answer.kind) {
    case 'anonymous':
    case 'principal':
      return answer
    case 'refused':
      return { kind: 'refused', refusal: { code: 'invalid-credentials' } }
    case 'limited':
      return { kind: 'refused', refusal: { code: 'too-many-failures', retryAfter: answer.retryAfter } }
  }
}
