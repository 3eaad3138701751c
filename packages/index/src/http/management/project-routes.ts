import { z } from 'zod'
import { mayAdminister, mayRead } from '../../access/permissions.ts'
import { previewSentences } from '../../releases/preview-claim.ts'
import { answer, change, denied, route } from './route.ts'
import type { ManagementRoute } from './route.ts'
import { changed, holder, line, projectName, projectParams, reason, releaseParams } from './schemas.ts'

/** What is asked about projects, and done to them and their releases. */
export const PROJECT_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/projects/{project}',
    summary: 'Explain a project: who answers for it, what is offered, what is withheld, who decided',
    params: projectParams,
    response: z.looseObject({ project: z.string(), authority: z.string(), sentence: z.string() }),
    async handle({ management, who, reading }, { project }) {
      if (!mayRead(who, project, reading)) return denied(who)
      return answer(await management.explain(project))
    },
  }),
  route({
    method: 'GET',
    path: '/projects/{project}/claim',
    summary: 'Tell what a claim would change, and for whom; nothing is changed, and no upstream asked',
    params: projectParams,
    response: z.looseObject({ project: z.string(), changes: z.boolean(), sentences: z.array(z.string()) }),
    async handle({ management, who }, { project }) {
      if (!mayAdminister(who, null)) return denied(who)
      const preview = await management.previewClaim(project)
      return answer({ ...preview, sentences: previewSentences(preview) })
    },
  }),
  route({
    method: 'POST',
    path: '/projects/{project}/claim',
    summary: 'Make a name internal, whatever upstreams have; it never falls back to them',
    params: projectParams,
    body: z
      .strictObject({
        owner: holder.optional().meta({ description: 'Who owns it from now on; you, unless it is said.' }),
        prohibited: z.boolean().optional().meta({ description: 'Although no project may have the name.' }),
        lookAlike: z.boolean().optional().meta({ description: 'Although it is easily taken for another one.' }),
      })
      .default({}),
    response: changed,
    handle: (context, { project }, { owner, ...consent }) =>
      change(context, null, 'administrator', ({ actor }) => {
        const claimant = { kind: 'user', name: actor.name } as const
        return context.management.claim(project, actor, { owner: owner ?? claimant, consent })
      }),
  }),
  route({
    method: 'PUT',
    path: '/projects/{project}/status',
    summary: 'Set the status of a project (PEP 792)',
    params: projectParams,
    body: z.strictObject({
      status: z.enum(['active', 'archived', 'quarantined', 'deprecated']),
      reason: reason.optional(),
    }),
    response: changed,
    handle: (context, { project }, body) =>
      change(context, project, 'owner', (acting) => context.management.setStatus(project, body, acting)),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}',
    summary: 'Delete all files of a project; its name stays internal and its file names stay used',
    params: projectParams,
    response: changed,
    handle: (context, { project }) =>
      change(context, project, 'owner', (acting) => context.management.deleteProject(project, acting)),
  }),
  route({
    method: 'PUT',
    path: '/projects/{project}/releases/{version}/yank',
    summary: 'Yank a release, or one file of it, with a reason (PEP 592)',
    params: releaseParams,
    body: z.strictObject({ reason: reason.optional(), filename: line(255).optional() }).default({}),
    response: changed,
    handle: (context, { project, version }, { reason, filename }) =>
      change(context, project, 'maintainer', (acting) =>
        context.management.yank({ project, version, filename }, reason, acting),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}/releases/{version}/yank',
    summary: 'Take the yank of a release back',
    params: releaseParams,
    response: changed,
    handle: (context, { project, version }) =>
      change(context, project, 'maintainer', (acting) => context.management.unyank({ project, version }, acting)),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}/releases/{version}',
    summary: 'Delete a release; its file names stay used for ever',
    params: releaseParams,
    response: changed,
    handle: (context, { project, version }) =>
      change(context, project, 'owner', (acting) => context.management.deleteRelease(project, version, acting)),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}/files/{filename}',
    summary: 'Delete one file; its name stays used for ever',
    params: z.object({ project: projectName, filename: line(255) }),
    response: changed,
    handle: (context, { project, filename }) =>
      change(context, project, 'owner', (acting) => context.management.deleteFile(project, filename, acting)),
  }),
]
