import { z } from 'zod'
import { mayAdminister } from '../../access/permissions.ts'
import { MERGE_EXTENSIONS } from '../../names/merge-rule.ts'
import { OVERLAYS } from '../../names/denials.ts'
import { answer, change, denied, route } from './route.ts'
import { changed, line, projectName, projectParams, reason, version } from './schemas.ts'
import type { ManagementContext, ManagementAnswer, ManagementRoute } from './route.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256: 64 hexadecimal digits in lower case')
const why = reason.min(1)
const source = line(40).min(1)

const denial = z.object({
  n: z.number().int(),
  project: z.string(),
  version: z.string().nullable(),
  sha256: z.string().nullable(),
  overlay: z.enum(OVERLAYS),
  reason: z.string(),
  since: z.string(),
  until: z.string().nullable(),
  by: z.string(),
  liftedAt: z.string().nullable(),
  liftedBy: z.string().nullable(),
  standing: z.boolean(),
  waits: z
    .boolean()
    .meta({ description: 'Whether it is to be lifted, and the holders of the seal have not signed that.' }),
})
const approval = z.object({ sha256: z.string(), filename: z.string(), approver: z.string(), at: z.string() })

const hashes = z.strictObject({ sha256s: z.array(sha256).min(1) })

function forAdministrators(
  { who }: ManagementContext,
  read: () => Promise<unknown>,
): Promise<ManagementAnswer> | ManagementAnswer {
  return mayAdminister(who, null) ? read().then((body) => answer(body)) : denied(who)
}

/** What stands over names, and what is let through: denials, approvals, merges. */
export const OVERLAY_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/denials',
    summary: 'List what is or was quarantined and blocked',
    params: z.object({}),
    response: z.object({ denials: z.array(denial) }),
    handle: async (context) =>
      forAdministrators(context, async () => ({ denials: await context.management.denials() })),
  }),
  route({
    method: 'POST',
    path: '/denials',
    summary: 'Quarantine or block a name, a release or a file; by its sha256 alone a file of every project',
    params: z.object({}),
    body: z.strictObject({
      project: projectName.optional(),
      version: version.optional(),
      sha256: sha256.optional(),
      filename: line(255).min(1).optional(),
      overlay: z.enum(OVERLAYS),
      reason: why,
      until: z.iso.datetime().optional().meta({ description: 'When a quarantine ends by itself.' }),
    }),
    response: changed,
    async handle(context, _params, { project, version, sha256, filename, ...words }) {
      const { management } = context
      if (project !== undefined) {
        const subject = { project, version, sha256, filename }
        return await change(context, null, 'administrator', ({ actor }) => management.deny(subject, words, actor))
      }
      if (sha256 !== undefined && version === undefined && filename === undefined)
        return await change(context, null, 'administrator', ({ actor }) =>
          management.denyEverywhere(sha256, words, actor),
        )
      if (!mayAdminister(context.who, null)) return denied(context.who)
      const message = 'A denial is of a project, or by nothing but a sha256 of every project that has these bytes.'
      return { kind: 'refused', code: 'bad-request', message }
    },
  }),
  route({
    method: 'POST',
    path: '/denials/{n}/lift',
    summary: 'Lift a denial by its number; of a sealed name it waits for the holders of the seal',
    params: z.object({ n: z.coerce.number().int().min(1) }),
    body: z.strictObject({ reason: why }),
    response: changed,
    handle: (context, { n }, { reason }) =>
      change(context, null, 'administrator', ({ actor }) => context.management.lift(n, reason, actor)),
  }),
  route({
    method: 'GET',
    path: '/projects/{project}/approvals',
    summary: 'List who approved which files of a project',
    params: projectParams,
    response: z.object({ needed: z.number().int(), approvals: z.array(approval) }),
    handle: async (context, { project }) => forAdministrators(context, () => context.management.approvals(project)),
  }),
  route({
    method: 'POST',
    path: '/projects/{project}/approvals',
    summary:
      'Approve files of an upstream by their sha256, which also decides whose a name is that nobody decided about',
    params: projectParams,
    body: hashes,
    response: changed,
    handle: (context, { project }, { sha256s }) =>
      change(context, null, 'administrator', ({ actor }) => context.management.approve({ project, sha256s }, actor)),
  }),
  route({
    method: 'POST',
    path: '/projects/{project}/approvals/withdraw',
    summary: 'Take back what anybody approved of these files',
    params: projectParams,
    body: hashes,
    response: changed,
    handle: (context, { project }, { sha256s }) =>
      change(context, null, 'administrator', ({ actor }) => context.management.unapprove({ project, sha256s }, actor)),
  }),
  route({
    method: 'PUT',
    path: '/projects/{project}/merge',
    summary: 'Let a second source add to a name; whoever decides agrees for the side of its owner',
    params: projectParams,
    body: z.strictObject({
      owner: source,
      extender: source,
      extend: z.enum(MERGE_EXTENSIONS),
      versions: line(200).min(1).optional(),
      newer: z.enum(['follow', 'hold']).optional(),
      reason: why,
    }),
    response: changed,
    handle: (context, { project }, { reason, ...rule }) =>
      change(context, null, 'administrator', ({ actor }) => context.management.merge({ project, rule, reason }, actor)),
  }),
  route({
    method: 'POST',
    path: '/projects/{project}/unmerge',
    summary: 'End a merge: the name goes on with the source that it belongs to',
    params: projectParams,
    body: z.strictObject({ reason: why }),
    response: changed,
    handle: (context, { project }, { reason }) =>
      change(context, null, 'administrator', ({ actor }) => context.management.unmerge({ project, reason }, actor)),
  }),
]
