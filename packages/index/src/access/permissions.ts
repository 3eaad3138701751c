/** What a credential allows; each includes the ones before it. */
export type Scope = 'read' | 'upload' | 'admin'

/** Who is asking, when nobody said so. */
export interface Anonymous {
  readonly kind: 'anonymous'
}

/** Who is asking, proven by a token or a password. */
export interface Principal {
  readonly kind: 'principal'
  readonly user: string
  /** What the token allows, never more than its user may. */
  readonly scope: Scope
  /** The only project this credential is good for; absent: all. */
  readonly project?: string
  readonly tokenId?: string
}

export type Requester = Anonymous | Principal

const RANK = { read: 0, upload: 1, admin: 2 } as const satisfies Record<Scope, number>

/** The lesser of two scopes. */
export function lesserScope(one: Scope, other: Scope): Scope {
  return RANK[one] < RANK[other] ? one : other
}

/** Whether `who` may see `project` (in normal form), or with null what names several: the project list. */
export function mayRead(who: Requester, project: string | null, reading: 'public' | 'private'): boolean {
  return reading === 'public' || allows(who, 'read', project)
}

/**
 * Whether `who` may see signed metadata: whoever may read anything at all, since nothing can be verified without it. It names
 * projects that the same token may not read (design.md section 7).
 */
export function mayReadMetadata(who: Requester, reading: 'public' | 'private'): boolean {
  return reading === 'public' || (who.kind === 'principal' && allows(who, 'read', who.project ?? null))
}

/** Whether `who` may add files to `project`. */
export function mayUpload(who: Requester, project: string): boolean {
  return allows(who, 'upload', project)
}

/** Whether `who` may also make `project` when it does not exist: never with a credential for one project (attacks.md TOK-2). */
export function mayCreateProject(who: Requester, project: string): boolean {
  return allows(who, 'upload', project) && allows(who, 'upload', null)
}

/**
 * Whether the credential is one by which `who` may act as a member of a project; whether they are one is another question
 * (`register/`). A token for one project uploads to it and nothing else (attacks.md TOK-2), and no token decides about a project as
 * its owner does, so that one that leaked hands nothing over (TOK-1).
 */
export function mayActAsMember(who: Requester, role: 'owner' | 'maintainer'): boolean {
  if (!allows(who, 'upload', null)) return false
  return role === 'maintainer' || (who.kind === 'principal' && who.tokenId === undefined)
}

/** Whether `who` may yank, delete, decide about `project`, or with null administer the index itself. */
export function mayAdminister(who: Requester, project: string | null): boolean {
  return allows(who, 'admin', project)
}

/**
 * Whether `who` may see or revoke a token such as `token`: an administrator any; everybody else their own, and none
 * that allows more than the credential they come with (attacks.md TOK-2, TOK-4).
 */
export function mayManageToken(
  who: Requester,
  token: { readonly user: string; readonly scope: Scope; readonly project: string | null },
): boolean {
  if (mayAdminister(who, null)) return true
  return who.kind === 'principal' && who.user === token.user && allows(who, token.scope, token.project)
}

/**
 * Whether `who` may make a token such as `token`: an administrator any; everybody else for themselves and with their password.
 * A token makes none, so that one that leaked ends when it expires or is revoked, and nothing is left of it (attacks.md TOK-1).
 */
export function mayCreateToken(who: Requester, token: Parameters<typeof mayManageToken>[1]): boolean {
  if (mayAdminister(who, null)) return true
  return who.kind === 'principal' && who.tokenId === undefined && mayManageToken(who, token)
}

function allows(who: Requester, scope: Scope, project: string | null): boolean {
  if (who.kind === 'anonymous' || RANK[who.scope] < RANK[scope]) return false
  return who.project === undefined || who.project === project
}
