import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { isInterpreterName } from './interpreter-name.ts'
import { MAX_ARCHIVE_BYTES, MAX_ARCHIVE_RATIO, RATIO_FREE_BYTES } from './limits.ts'
import { MemberPaths, refuseInstalledPath } from './member-path.ts'
import type { WheelFilename } from './wheel-filename.ts'
import type { ZipEntry } from './zip-directory.ts'

const SCHEMES: ReadonlySet<string> = new Set(['purelib', 'platlib', 'headers', 'scripts', 'data'])
/** Below the scheme `data`, which is the environment itself, these hold what `purelib` and `scripts` would. */
const SITE_PACKAGES = /^(?:site|dist)-packages$/i
const SCRIPT_FOLDER = /^(?:bin|scripts)$/i
/** What makes a directory or a file of site-packages an installed distribution. */
const INSTALLED_METADATA = /\.(?:dist|egg)-info$/i

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
 * Judges a wheel's members by their names: safe everywhere, no two falling together on any file system, neither in the archive nor
 * once installed; exactly one `.dist-info` and at most one `.data` directory, both spelled as in the file name, only known schemes in
 * `.data`, and nothing there that would be the metadata of a distribution (attacks.md WHL-PATH, WHL-CASE, WHL-DIST, WHL-SCRIPT).
 * @throws PackagingError `archive-invalid` or `limit-exceeded`
 */
export function readWheelLayout(
  entries: Iterable<Pick<ZipEntry, 'name' | 'isDirectory'>>,
  filename: Pick<WheelFilename, 'rawName' | 'rawVersion'>,
): WheelLayout {
  const stem = `${filename.rawName}-${filename.rawVersion}`
  const paths = new MemberPaths()
  const installed: string[] = []
  const topLevel = new Set<string>()
  const distInfos = new Set<string>()
  let hasPth = false
  let hasData = false
  for (const { name, isDirectory } of entries) {
    const path = isDirectory ? name.slice(0, -1) : name
    const unsafe = refuseInstalledPath(path)
    if (unsafe !== undefined) throw wheelError(`the member ${excerpt(name)} has an unsafe path: ${unsafe}`)
    const other = paths.add(path, isDirectory ? 'directory' : 'file')
    if (other !== undefined) throw wheelError(`the members ${excerpt(name)} and ${excerpt(other)} collide`)
    const components = path.split('/')
    const [top = ''] = components
    // Installers look for these endings in any case on some systems.
    const isDistInfo = top.toLowerCase().endsWith('.dist-info')
    if (isDistInfo) distInfos.add(top)
    const isData = top.toLowerCase().endsWith('.data')
    hasData ||= isData
    const place = isData ? dataPath(components, stem, isDirectory) : components
    const [first] = place
    if (first === undefined) continue
    if (!isDistInfo && INSTALLED_METADATA.test(first)) {
      throw wheelError(`the member ${excerpt(name)} would be the metadata of another distribution`)
    }
    if (isDirectory) continue
    installed.push(place.join('/'))
    if (!isDistInfo) topLevel.add(first)
    if (place.length === 1 && first.toLowerCase().endsWith('.pth')) hasPth = true
  }
  const distInfoDirectory = `${stem}.dist-info`
  if (distInfos.size !== 1) throw wheelError(`it has ${distInfos.size} .dist-info directories instead of one`)
  if (!distInfos.has(distInfoDirectory)) throw wheelError('its .dist-info directory is not named like the file')
  if (hasData) refuseCollisions(installed)
  return { distInfoDirectory, topLevelNames: [...topLevel].sort(), hasPth }
}

/** Members of `.data` and of the root may fall together in site-packages, although they do not in the archive. */
function refuseCollisions(installed: readonly string[]): void {
  const paths = new MemberPaths()
  for (const path of installed) {
    const other = paths.add(path, 'file')
    if (other !== undefined) throw wheelError(`two members are both installed as ${excerpt(other)}`)
  }
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

/** Where in site-packages a path below `.data` lands; empty when it lands elsewhere. */
function dataPath(components: readonly string[], stem: string, isDirectory: boolean): readonly string[] {
  const [top, scheme, ...rest] = components
  if (top !== `${stem}.data`) throw wheelError('its .data directory is not named like the file')
  if (scheme === undefined || (rest.length === 0 && isDirectory)) return []
  if (!SCHEMES.has(scheme) || rest.length === 0) throw wheelError(`its .data directory holds ${excerpt(scheme)}`)
  if (scheme === 'scripts' && !isDirectory && (rest.length > 1 || isInterpreterName(rest[0] ?? ''))) {
    throw wheelError(`the script ${excerpt(rest.join('/'))} has a name that is not allowed`)
  }
  if (scheme === 'purelib' || scheme === 'platlib') return rest
  if (scheme !== 'data') return []
  const [folder = '', script = ''] = rest
  if (rest.length === 2 && !isDirectory && SCRIPT_FOLDER.test(folder) && isInterpreterName(script)) {
    throw wheelError(`the script ${excerpt(rest.join('/'))} has a name that is not allowed`)
  }
  const sitePackages = rest.findIndex((component) => SITE_PACKAGES.test(component))
  return sitePackages < 0 ? [] : rest.slice(sitePackages + 1)
}
