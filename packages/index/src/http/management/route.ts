import type { z } from 'zod'
import { actorOf } from '../../access/actor.ts'
import { mayActAsMember, mayAdminister } from '../../access/permissions.ts'
import type { Requester } from '../../access/permissions.ts'
import type { Acting } from '../../register/members.ts'
import { changedDocument } from '../../releases/change-outcome.ts'
import type { ChangeOutcome } from '../../releases/change-outcome.ts'
import type { Management } from '../../releases/management.ts'
import type { Refusal } from '../../releases/refusal.ts'
import type { MemberRole } from '../../store/schema.ts'
import type { RefusalCode } from '../refusal-catalogue.ts'

/** What a management route answers: a document, or a refusal of the catalogue. */
export type ManagementAnswer =
  | { readonly kind: 'answer'; readonly status: 200 | 201; readonly body: unknown }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message?: string }

/** What every route may use. */
export interface ManagementContext {
  readonly management: Management
  readonly who: Requester
  /** The client's. */
  readonly address: string
  readonly reading: 'public' | 'private'
}

/** One route of `/api/v1/`: the schemas that validate it are the ones that describe it (design.md section 6). */
export interface ManagementRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** OpenAPI form, below `/api/v1`. */
  readonly path: string
  readonly summary: string
  /** Where reading needs no credentials, this does not either. */
  readonly openToReaders?: boolean
  readonly params: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly response: z.ZodType
  handle(context: ManagementContext, params: unknown, body: unknown, query: unknown): Promise<ManagementAnswer>
}

/** Keeps a route's schemas and its handler in step; the list itself is of one type. */
export function route<
  P extends z.ZodObject,
  B extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodObject = z.ZodObject,
>(definition: {
  readonly method: ManagementRoute['method']
  readonly path: string
  readonly summary: string
  readonly openToReaders?: boolean
  readonly params: P
  readonly query?: Q
  readonly body?: B
  readonly response: z.ZodType
  readonly handle: (
    context: ManagementContext,
    params: z.output<P>,
    body: z.output<B>,
    query: z.output<Q>,
  ) => Promise<ManagementAnswer>
}): ManagementRoute {
  return {
    ...definition,
    handle: (context, params, body, query) =>
      definition.handle(context, params as z.output<P>, body as z.output<B>, query as z.output<Q>),
  }
}

/** Whoever asks may not; by which credential they might is not told. */
export function denied(who: Requester): ManagementAnswer {
  return { kind: 'refused', code: who.kind === 'anonymous' ? 'unauthorized' : 'token-scope' }
}

/**
 * Makes a change and answers when it is published. `by`: an administrator, of the whole index where `project` is null, or with a role a
 * member too, which the change itself looks at when it happens.
 */
export async function change(
  { management, who, address }: ManagementContext,
  project: string | null,
  by: 'administrator' | MemberRole,
  work: (acting: Acting) => Promise<ChangeOutcome | { readonly kind: 'done' | 'unchanged' } | Refusal>,
): Promise<ManagementAnswer> {
  if (who.kind === 'anonymous') return denied(who)
  const administrator = mayAdminister(who, project)
  if (!administrator && (by === 'administrator' || !mayActAsMember(who, by))) return deniedTo(who, by)
  const outcome = await work({ actor: actorOf(who, address), administrator, limited: who.project !== undefined })
  if (outcome.kind === 'refused') return outcome
  const snapshot = await management.settled()
  return { kind: 'answer', status: 200, body: { ...changedDocument(outcome), snapshot } }
}

function deniedTo(who: Requester, by: 'administrator' | MemberRole): ManagementAnswer {
  if (by !== 'owner' || !mayActAsMember(who, 'maintainer')) return denied(who)
  const message = 'A token does not decide about a project as its owner does: sign in with your password.'
  return { kind: 'refused', code: 'token-scope', message }
}

export function answer(body: unknown, status: 200 | 201 = 200): ManagementAnswer {
  return { kind: 'answer', status, body }
}
