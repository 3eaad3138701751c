import { hash } from 'node:crypto'
import type { Signer } from '@waxseal/trust'
import type { Distribution } from '../test/support/python-projects.ts'
import { recordOf, seal } from './decided.ts'
import type { Stage } from './stage.ts'
import { signDraft } from './stolen-keys.ts'

const YEAR_MS = 365 * 86_400_000

/** What a name with developers is signed by: the role of its own, and whoever delegates to that. */
export function rolesOf(project: string): {
  readonly claimed: string
  readonly sealed: string
  readonly folder: string
  readonly role: string
} {
  const shard = hash('sha256', project).slice(0, 2)
  return {
    claimed: `claimed-${shard}`,
    sealed: `sealed-${shard}`,
    folder: `projects/${shard}/${project}`,
    role: `p.${project}`,
  }
}

/**
 * The keys of a project's developers are made known, and they sign these files: `version` counts what they signed. With `holder`, whose
 * key is offline, the name is sealed.
 */
export async function signedByDevelopers(
  stage: Stage,
  stem: string,
  developer: Signer,
  files: readonly Distribution[],
  { version = 1, holder }: { readonly version?: number; readonly holder?: Signer } = {},
): Promise<void> {
  const { claimed, sealed, folder, role } = rolesOf(stage.name(stem))
  if (holder !== undefined) await seal(stage, recordOf(stage.name(stem)))
  const shard = holder === undefined ? claimed : sealed
  const targets = Object.fromEntries(
    files.map(({ filename, bytes, sha256 }) => [`${folder}/${filename}`, { length: bytes.length, hashes: { sha256 } }]),
  )
  const expires = new Date(Date.now() + YEAR_MS / 2).toISOString().replace(/\.\d+Z$/, 'Z')
  const bytes = await signDraft({ _type: 'targets', spec_version: '1.0.34', version, expires, targets }, developer)
  const changes = {
    delegations: [
      {
        delegator: shard,
        name: role,
        delegation: { keys: [developer.key], threshold: 1, paths: [`${folder}/*`], terminating: true },
      },
    ],
    signed: [{ role, delegator: shard, bytes }],
  }
  await stage.sign(changes, holder === undefined ? [] : [holder])
}
