import { MAX_MEMBER_COMPONENT_BYTES, MAX_MEMBER_PATH_BYTES } from './limits.ts'

/** Names that Windows gives to devices, in any folder and with any extension. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i
/** Control characters, and those that turn the direction of text around so that a name shows as another. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/

/**
 * Why a member's path must not be unpacked, or `undefined` when it is safe everywhere: relative, with `/` between components, none
 * of them empty, `.` or `..`, no drive, no backslash, no name that Windows changes (attacks.md WHL-PATH, WHL-CASE, FN-PATH).
 * A directory's path is given without its last `/`.
 */
export function refuseMemberPath(path: string): string | undefined {
  if (Buffer.byteLength(path) > MAX_MEMBER_PATH_BYTES) return 'it is too long'
  if (path.startsWith('/')) return 'it is absolute'
  if (path.includes('\\')) return 'it has a backslash'
  if (path.includes(':')) return 'it has a colon'
  if (HIDDEN.test(path) || !path.isWellFormed()) return 'it has a control character'
  for (const component of path.split('/')) {
    if (component === '') return 'it has an empty component'
    if (component === '.' || component === '..') return 'it leaves its directory'
    if (component.endsWith('.') || component.endsWith(' ')) return 'a component ends in a dot or a space'
    if (Buffer.byteLength(component) > MAX_MEMBER_COMPONENT_BYTES) return 'a component is too long'
    if (WINDOWS_DEVICE.test(component)) return 'Windows reserves the name'
  }
  return undefined
}

/** What a file system that knows neither case nor Unicode's composed forms makes of a path. */
export function foldMemberPath(path: string): string {
  return /^[\x20-\x7e]*$/.test(path)
    ? path.toLowerCase()
    : path.normalize('NFD').toUpperCase().toLowerCase().normalize('NFC')
}

/** Notices paths that would fall together on some file system, their directories included (attacks.md WHL-CASE). */
export class MemberPaths {
  readonly #kinds = new Map<string, { readonly path: string; readonly kind: 'file' | 'directory'; stated: boolean }>()

  /** Adds a member; returns the path that it collides with, or `undefined`. A directory may be implied any number of times. */
  add(path: string, kind: 'file' | 'directory'): string | undefined {
    const known = this.#kinds.get(foldMemberPath(path))
    if (known === undefined) this.#kinds.set(foldMemberPath(path), { path, kind, stated: true })
    else {
      if (known.path !== path || known.kind !== kind || known.stated) return known.path
      known.stated = true
      return undefined
    }
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash)
      const folded = foldMemberPath(parent)
      const knownParent = this.#kinds.get(folded)
      if (knownParent === undefined) this.#kinds.set(folded, { path: parent, kind: 'directory', stated: false })
      else return knownParent.path === parent && knownParent.kind === 'directory' ? undefined : knownParent.path
    }
    return undefined
  }
}
