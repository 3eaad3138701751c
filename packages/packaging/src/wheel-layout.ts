import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_ARCHIVE_BYTES, MAX_ARCHIVE_RATIO, RATIO_FREE_BYTES } from './limits.ts'
import { MemberPaths, refuseInstalledPath } from './member-path.ts'
import type { WheelFilename } from './wheel-filename.ts'
import type { ZipEntry } from './zip-directory.ts'

const SCHEMES: ReadonlySet<string> = new Set(['purelib', 'platlib', 'headers', 'scripts', 'data'])
/** A script of this name would stand in for the interpreter (attacks.md WHL-SCRIPT). */
const INTERPRETER = /^(?:python|pythonw|pypy|py|pyw)[0-9.]*t?(?:\.(?:exe|com|bat|cmd|ps1|py|pyw))?$/i

/** Where a wheel's members go when it is installed. */
export interface WheelLayout {
  /** `{name}-{version}.dist-info`, as in the file name. */
  readonly distInfoDirectory: string
  /** First components of what lands in site-packages, sorted: packages, modules with their extension (attacks.md WHL-OVER). */
  readonly topLevelNames: readonly string[]
  /** Whether a `.pth` file lands in site-packages, which runs at the start of the interpreter (attacks.md WHL-PTH). */
  readonly hasPth: boolean
}

/**
 * Judges a wheel's members by their names: safe everywhere, no two falling together on any file system, exactly one `.dist-info`
 * and at most one `.data` directory, both spelled as in the file name, only known schemes in `.data` (attacks.md WHL-PATH, WHL-CASE,
 * WHL-DIST, WHL-SCRIPT).
 * @throws PackagingError `archive-invalid`
 */
export function readWheelLayout(entries: readonly ZipEntry[], filename: WheelFilename): WheelLayout {
  const stem = `${filename.rawName}-${filename.rawVersion}`
  const paths = new MemberPaths()
  const topLevel = new Set<string>()
  const distInfos = new Set<string>()
  let hasPth = false
  for (const { name, isDirectory } of entries) {
    const path = isDirectory ? name.slice(0, -1) : name
    const unsafe = refuseInstalledPath(path)
    if (unsafe !== undefined) throw wheelError(`the member ${excerpt(name)} has an unsafe path: ${unsafe}`)
    const other = paths.add(path, isDirectory ? 'directory' : 'file')
    if (other !== undefined) throw wheelError(`the members ${excerpt(name)} and ${excerpt(other)} collide`)
    const components = path.split('/')
    const [top = ''] = components
    // Installers look for these endings in any case on some systems.
    if (top.toLowerCase().endsWith('.dist-info')) {
      distInfos.add(top)
      continue
    }
    const installed = top.toLowerCase().endsWith('.data') ? dataPath(components, stem, isDirectory) : components
    const [first] = installed
    if (first === undefined || isDirectory) continue
    topLevel.add(first)
    if (installed.length === 1 && first.toLowerCase().endsWith('.pth')) hasPth = true
  }
  const distInfoDirectory = `${stem}.dist-info`
  if (distInfos.size !== 1) throw wheelError(`it has ${distInfos.size} .dist-info directories instead of one`)
  if (!distInfos.has(distInfoDirectory)) throw wheelError('its .dist-info directory is not named like the file')
  return { distInfoDirectory, topLevelNames: [...topLevel].sort(), hasPth }
}

/** Decompressed bytes of all members; refuses bombs by what the headers say, which reading then holds them to (attacks.md ZIP-BOMB). */
export function checkArchiveSize(entries: readonly ZipEntry[], archiveBytes: number): number {
  const total = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0)
  if (total > MAX_ARCHIVE_BYTES)
    throw new PackagingError('limit-exceeded', 'The archive is too large when decompressed.')
  if (total > RATIO_FREE_BYTES && total > archiveBytes * MAX_ARCHIVE_RATIO) {
    throw new PackagingError('limit-exceeded', `File exceeds compression ratio of ${MAX_ARCHIVE_RATIO}.`)
  }
  return total
}

/** The refusal of a wheel. */
export function wheelError(reason: string): PackagingError {
  return new PackagingError('archive-invalid', `The wheel is refused: ${reason}.`)
}

/** What of a path below `.data` lands in site-packages; nothing of the other schemes does. */
function dataPath(components: readonly string[], stem: string, isDirectory: boolean): readonly string[] {
  const [top, scheme, ...rest] = components
  if (top !== `${stem}.data`) throw wheelError('its .data directory is not named like the file')
  if (scheme === undefined || (rest.length === 0 && isDirectory)) return []
  if (!SCHEMES.has(scheme) || rest.length === 0) throw wheelError(`its .data directory holds ${excerpt(scheme)}`)
  if (scheme === 'scripts' && (rest.length > 1 || INTERPRETER.test(rest[0] ?? ''))) {
    if (!isDirectory) throw wheelError(`the script ${excerpt(rest.join('/'))} has a name that is not allowed`)
  }
  return scheme === 'purelib' || scheme === 'platlib' ? rest : []
}
