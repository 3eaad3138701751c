import { MAX_MEMBER_COMPONENTS, MAX_MEMBER_COMPONENT_BYTES, MAX_MEMBER_PATH_BYTES } from './limits.ts'
import { PathTree } from './path-tree.ts'

/** Names that Windows gives to devices, in any folder and with any extension. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i
/**
 * Control characters, those that turn the direction of text around so that a name shows as another, and U+2028 and U+2029: pip splits
 * RECORD at whatever Python's str.splitlines takes for the end of a line (attacks.md REC-DEL).
 */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/

/**
 * Why a member's path must not be unpacked, or `undefined` when it is safe: relative, with `/` between components, none of them empty,
 * `.` or `..`, no backslash, not too deep (attacks.md WHL-PATH, FN-PATH). A directory's path is given without its last `/`.
 */
export function refuseMemberPath(path: string): string | undefined {
  if (Buffer.byteLength(path) > MAX_MEMBER_PATH_BYTES) return 'it is too long'
  if (path.startsWith('/')) return 'it is absolute'
  if (path.includes('\\')) return 'it has a backslash'
  if (HIDDEN.test(path) || !path.isWellFormed()) return 'it has a control character'
  const components = path.split('/')
  if (components.length > MAX_MEMBER_COMPONENTS) return 'it is too deep'
  for (const component of components) {
    if (component === '') return 'it has an empty component'
    if (component === '.' || component === '..') return 'it leaves its directory'
    if (Buffer.byteLength(component) > MAX_MEMBER_COMPONENT_BYTES) return 'a component is too long'
  }
  return undefined
}

/**
 * `refuseMemberPath`, and moreover what Windows takes for another name: drives, streams, devices, dots and spaces at an end
 * (attacks.md WHL-CASE). For wheels: they are unpacked as they are on every system, while an sdist is built where its author said.
 */
export function refuseInstalledPath(path: string): string | undefined {
  const unsafe = refuseMemberPath(path)
  if (unsafe !== undefined) return unsafe
  if (path.includes(':')) return 'it has a colon'
  for (const component of path.split('/')) {
    if (component.endsWith('.') || component.endsWith(' ')) return 'a component ends in a dot or a space'
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

interface KnownPath {
  /** The last component as the first member spelled it. */
  readonly component: string
  readonly parent: KnownPath | undefined
  readonly kind: 'file' | 'directory'
  /** Whether a member of its own says so, rather than one below it. */
  stated: boolean
}

/** Notices paths that would fall together on some file system, their directories included (attacks.md WHL-CASE). */
export class MemberPaths {
  readonly #tree = new PathTree()
  readonly #known: (KnownPath | undefined)[] = []

  /**
   * Adds a member; returns the path that it collides with, or `undefined`. A directory may be implied any number of times.
   * @throws PackagingError `limit-exceeded`
   */
  add(path: string, kind: 'file' | 'directory'): string | undefined {
    const components = path.split('/')
    const folded = foldMemberPath(path).split('/')
    let node = PathTree.ROOT
    let parent: KnownPath | undefined
    for (const [index, component] of components.entries()) {
      const isLast = index === components.length - 1
      const kindHere = isLast ? kind : 'directory'
      node = this.#tree.enter(node, folded[index] ?? '')
      const known = this.#known[node] ?? { component, parent, kind: kindHere, stated: false }
      this.#known[node] = known
      if (known.component !== component || known.kind !== kindHere || (isLast && known.stated)) return spell(known)
      if (isLast) known.stated = true
      parent = known
    }
    return undefined
  }
}

function spell(known: KnownPath): string {
  const components: string[] = []
  for (let at: KnownPath | undefined = known; at !== undefined; at = at.parent) components.push(at.component)
  return components.toReversed().join('/')
}
