import { hash } from 'node:crypto'

/** Which shard of names a project is in: the first two hexadecimal digits of its sha256 (design.md section 7). */
export function shardOf(project: string): string {
  return hash('sha256', project).slice(0, 2)
}

/** The target of a project's record. */
export function recordTarget(project: string): string {
  return `names/${shardOf(project)}/${project}.json`
}

/** The target by which developers vouch for one of their files. */
export function developerTarget(project: string, filename: string): string {
  return `projects/${shardOf(project)}/${project}/${filename}`
}

/** The target of what is denied of the projects of a shard. */
export function denyTarget(shard: string): string {
  return `deny/${shard}.json`
}

/** The targets of what holders decide about names that nobody has claimed. */
export const NAMESPACES_TARGET = 'policy/namespaces.json'
export const DEFAULT_TARGET = 'policy/default.json'
