import { canonicalVersionKey, tryParseVersion } from '@waxseal/packaging'

/** Versions that compare equal are one release; one that does not parse is only itself. */
export function releaseKey(version: string): string {
  const parsed = tryParseVersion(version)
  return parsed === undefined ? version : canonicalVersionKey(parsed)
}
