import type { Principal } from './permissions.ts'

/** Who does something: handed in with what is done, from the edge where it is known to where it is recorded. */
export interface Actor {
  /** A user, `operator` for whoever works on the data folder, `first-download`, or `upstream:<name>`. */
  readonly name: string
  /** Id of the token that it was done with, or `password`; null: neither was needed. */
  readonly credential: string | null
  /** The client's, as trusted proxies tell it; null: it did not come over the network. */
  readonly address: string | null
}

/** Nobody by name: the server by itself, or whoever could not prove who they are. */
export interface Unnamed {
  readonly name: null
  readonly credential: null
  readonly address: string | null
}

/** The server by itself. */
export const SERVER: Unnamed = { name: null, credential: null, address: null }

/** Whoever works on the data folder itself. */
export const OPERATOR: Actor = { name: 'operator', credential: null, address: null }

/** What decides for the first download of a name whose it is. */
export const FIRST_DOWNLOAD: Actor = { name: 'first-download', credential: null, address: null }

/** Whoever sent a request: by the credential that it came with, from `address`. */
export function actorOf(who: Pick<Principal, 'user' | 'tokenId'>, address: string): Actor {
  return { name: who.user, credential: who.tokenId ?? 'password', address }
}
