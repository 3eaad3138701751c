import type { Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { ANOMALY_FILES } from '../limits.ts'
import { claimedName, isOurs } from '../names/claimed-name.ts'
import { recordDecision } from '../names/decisions.ts'
import { appendJournal } from '../publish/journal.ts'
import type { JournalAction } from '../publish/journal.ts'
import type { Acting } from '../register/members.ts'
import { refuseStranger } from '../register/members.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Database, MemberRole, ProjectRow, ProjectStatus } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import { cleanReason } from './change-outcome.ts'
import type { ChangeOutcome } from './change-outcome.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { selectReleaseFiles } from './release-files.ts'
import type { FileChoice, FileSelection } from './release-files.ts'

/**
 * Yanks a release, or one file of it, with a reason that installers print (PEP 592). Yanking again changes the reason.
 * Only files that were uploaded here: an upstream's yanks are the upstream's.
 */
export function yankRelease(
  store: Store,
  clock: Clock,
  request: FileChoice & Acting & { readonly reason?: string | undefined },
): Promise<ChangeOutcome> {
  const reason = cleanReason(request.reason)
  if (typeof reason === 'object' && reason !== null) return Promise.resolve(reason)
  return changeFiles(store, clock, request, 'release-yank', {
    needs: 'maintainer',
    event: 'files-yanked',
    reason,
    choose: (file) => file.yanked === 0 || file.yanked_reason !== reason,
    values: () => ({ yanked: 1, yanked_reason: reason }),
  })
}

/** Takes a yank back, for a release or for one file of it. */
export function unyankRelease(store: Store, clock: Clock, request: FileChoice & Acting): Promise<ChangeOutcome> {
  return changeFiles(store, clock, request, 'release-unyank', {
    needs: 'maintainer',
    event: 'files-unyanked',
    choose: (file) => file.yanked === 1,
    values: () => ({ yanked: 0, yanked_reason: null }),
  })
}

/**
 * Deletes one uploaded file: it is offered no more, its row stays as a tombstone and its name is burned for ever (attacks.md NAME-REUSE).
 */
export function deleteFile(
  store: Store,
  clock: Clock,
  request: { readonly project: string; readonly filename: string } & Acting,
): Promise<ChangeOutcome> {
  return changeFiles(store, clock, request, 'file-remove', {
    needs: 'owner',
    event: 'files-deleted',
    choose: () => true,
    values: tombstone,
  })
}

/** Deletes every uploaded file of a release as {@link deleteFile} does, and the release with them. */
export function deleteRelease(
  store: Store,
  clock: Clock,
  request: { readonly project: string; readonly version: string } & Acting,
): Promise<ChangeOutcome> {
  return changeFiles(store, clock, request, 'file-remove', {
    needs: 'owner',
    event: 'files-deleted',
    choose: () => true,
    values: tombstone,
    after: async (tx, project, versionKeys) => {
      await tx.deleteFrom('release').where('project', '=', project).where('version_key', 'in', versionKeys).execute()
    },
  })
}

/**
 * Deletes everything that was uploaded to a project. The name stays whose it is, and empty, so that no upstream can step in (attacks.md DEL-INT,
 * NAME-RES), and every file name stays burned.
 */
export function deleteProject(
  store: Store,
  clock: Clock,
  request: { readonly project: string } & Acting,
): Promise<ChangeOutcome> {
  return changeFiles(store, clock, { ...request, emptyIsUnchanged: true }, 'file-remove', {
    needs: 'owner',
    event: 'files-deleted',
    choose: () => true,
    values: tombstone,
    after: async (tx, project) => {
      await tx.deleteFrom('release').where('project', '=', project).execute()
    },
  })
}

/**
 * Sets a project's status (PEP 792), as a recorded decision. A project that belongs to an upstream can be quarantined and released again,
 * nothing else: its other states are the upstream's to say.
 */
export function setProjectStatus(
  store: Store,
  clock: Clock,
  request: {
    readonly project: string
    readonly status: ProjectStatus
    readonly reason?: string | undefined
  } & Acting,
): Promise<ChangeOutcome> {
  const reason = cleanReason(request.reason)
  if (typeof reason === 'object' && reason !== null) return Promise.resolve(reason)
  return store.transaction(async (tx): Promise<ChangeOutcome> => {
    const stranger = await refuseOthers(tx, request, 'owner')
    if (stranger !== undefined) return stranger
    const project = await findProject(tx, request.project)
    if (project === undefined) return refuseUnknown(request.project)
    if (!request.administrator && [project.status, request.status].includes('quarantined')) {
      return refuse('name-not-yours', 'Only an administrator puts a project into quarantine, or lifts that.')
    }
    if (!isOurs(project)) {
      if (!request.administrator || request.limited === true)
        return refuse('name-not-yours', `Only an administrator decides about '${project.name}'.`)
      if (request.status !== 'quarantined' && request.status !== 'active') {
        return refuse(
          'name-upstream',
          `The project '${project.name}' is not ours: it can be quarantined or active only.`,
        )
      }
    }
    if (project.status === request.status && project.status_reason === reason) return { kind: 'unchanged' }
    const at = isoTime(clock)
    await tx
      .updateTable('project')
      .set({ status: request.status, status_reason: reason })
      .where('name', '=', project.name)
      .execute()
    await recordDecision(tx, {
      project: project.name,
      at,
      actor: request.actor,
      body: { kind: 'status', status: request.status, reason },
      before: { status: project.status, reason: project.status_reason },
    })
    return {
      kind: 'done',
      seq: await appendJournal(tx, { project: project.name, action: 'status', at, actor: request.actor.name }),
    }
  })
}

interface FileChange {
  /** The role that it takes of whoever is no administrator. */
  readonly needs: MemberRole
  readonly event: 'files-yanked' | 'files-unyanked' | 'files-deleted'
  readonly reason?: string | null
  readonly choose: (file: FileSelection) => boolean
  readonly values: (at: string) => {
    readonly yanked?: number
    readonly yanked_reason?: string | null
    readonly deleted_at?: string
  }
  readonly after?: (tx: Transaction<Database>, project: string, versionKeys: readonly string[]) => Promise<void>
}

/** One transaction: the chosen files of those that were uploaded to a project change, then the journal says so. */
function changeFiles(
  store: Store,
  clock: Clock,
  request: FileChoice & Acting & { readonly emptyIsUnchanged?: boolean },
  action: JournalAction,
  change: FileChange,
): Promise<ChangeOutcome> {
  return store.transaction(async (tx): Promise<ChangeOutcome> => {
    const stranger = await refuseOthers(tx, request, change.needs)
    if (stranger !== undefined) return stranger
    const project = await findProject(tx, request.project)
    if (project === undefined) return refuseUnknown(request.project)
    // What was uploaded to patch an upstream's name is ours, and the administrators': nobody is a member of such a name.
    if (!isOurs(project) && claimedName(project).merge?.extender !== LOCAL_SOURCE) {
      return refuse('name-upstream', `The project '${project.name}' is not ours: its files are the upstream's.`)
    }
    const selected = await selectReleaseFiles(tx, request)
    if (selected.kind === 'refused') return selected
    if (selected.files.length === 0 && request.emptyIsUnchanged !== true) return refuseNothing(request)
    const files = selected.files.filter(change.choose)
    if (files.length === 0) return { kind: 'unchanged' }
    const at = isoTime(clock)
    for (const { id } of files) {
      await tx
        .updateTable('file')
        .set(change.values(at))
        .where('id', '=', id)
        .where('source', '=', LOCAL_SOURCE)
        .execute()
    }
    await change.after?.(tx, project.name, [...new Set(files.map((file) => file.version_key))])
    const values = change.values(at)
    await recordAction(tx, {
      kind: change.event,
      at,
      by: request.actor,
      project: project.name,
      before: audited(files),
      after: values.deleted_at === undefined ? audited(files.map((file) => ({ ...file, ...values }))) : null,
      detail: {
        count: files.length,
        files: files.slice(0, ANOMALY_FILES).map(({ filename }) => filename),
        ...(change.reason === undefined ? {} : { reason: change.reason }),
      },
    })
    return {
      kind: 'done',
      seq: await appendJournal(tx, { project: project.name, action, at, actor: request.actor.name }),
    }
  })
}

/** Whoever is no administrator has to be a member when it happens, not when it was asked for (attacks.md NAME-XFER). */
async function refuseOthers(
  tx: Transaction<Database>,
  { project, actor, administrator }: Acting & { readonly project: string },
  needs: MemberRole,
): Promise<Refusal | undefined> {
  return administrator ? undefined : await refuseStranger(tx, project, actor.name, needs, 'administrators')
}

/** What can change about files, of the first of them. */
function audited(files: readonly FileSelection[]): unknown {
  const told = files.slice(0, ANOMALY_FILES).map(({ filename, yanked, yanked_reason: reason }) => ({
    filename,
    yanked: yanked === 1,
    ...(yanked === 1 ? { reason } : {}),
  }))
  return { count: files.length, files: told }
}

function tombstone(at: string): { readonly deleted_at: string } {
  return { deleted_at: at }
}

async function findProject(tx: Transaction<Database>, name: string): Promise<ProjectRow | undefined> {
  return tx.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
}

function refuseUnknown(project: string): Refusal {
  return refuse('not-found', `There is no project '${project}'.`)
}

function refuseNothing({ project, version, filename }: FileChoice): Refusal {
  const what = filename === undefined ? `release '${version ?? ''}'` : `file '${filename}'`
  return refuse('not-found', `The project '${project}' has no ${what}.`)
}
