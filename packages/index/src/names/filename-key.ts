import {
  canonicalVersionKey,
  formatWheelFilename,
  PackagingError,
  parseVersion,
  parseWheelFilename,
} from '@waxseal/packaging'
import type { Version, WheelFilename } from '@waxseal/packaging'

/**
 * Local file names are compared without regard to case (attacks.md NAME-CASE; ASCII, as `isSafeFilename` saw to), and those of wheels
 * without regard to the order of their tags and the zeros of their build number: installers take all such spellings for one wheel
 * (attacks.md FN-AMB).
 */
export function filenameKey(filename: string): string {
  return keyOf(filename, (version) => version)
}

/** The same where another source stands beside: it may spell the version otherwise, too, which no upload may. */
export function mergedFilenameKey(filename: string): string {
  return keyOf(filename, (version) => parseVersion(canonicalVersionKey(version)))
}

function keyOf(filename: string, spelt: (version: Version) => Version): string {
  const wheel = filename.endsWith('.whl') ? tryParseWheel(filename) : undefined
  if (wheel === undefined) return filename.toLowerCase()
  const sorted = (tags: readonly string[]): readonly string[] => [...new Set(tags)].sort()
  return formatWheelFilename({
    ...wheel,
    version: spelt(wheel.version),
    pythonTags: sorted(wheel.pythonTags),
    abiTags: sorted(wheel.abiTags),
    platformTags: sorted(wheel.platformTags),
  }).toLowerCase()
}

function tryParseWheel(filename: string): WheelFilename | undefined {
  try {
    return parseWheelFilename(filename)
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}
