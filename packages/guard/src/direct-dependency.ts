import { PackagingError, parseCoreMetadata } from '@waxseal/packaging'
import { directUrl } from './children/direct-url.ts'

/** What goes to the guard's own port, by HTTP: it is refused there when it is asked for. Subversion and Breezy ask no proxy. */
const ASKS_THE_PROXY = /^(?:git\+)?https?:/i
/** As installers fold headers, and as they spell this one. */
const FOLD = /\r?\n[ \t]+/g
const REQUIRES = /^requires-dist[ \t]*:(.*)$/gim

/**
 * The first requirement of a wheel's metadata that names an address past any index (attacks.md EXD-6); undefined: there is none. One that
 * belongs to an extra counts only where it would go past the guard's port: nobody may have asked for the extra.
 */
export function directDependency(metadata: Uint8Array): string | undefined {
  return requirements(metadata).find((text) => {
    const url = directUrl(text)
    return url !== undefined && !(ASKS_THE_PROXY.test(url) && isOfExtra(url))
  })
}

/** PEP 508: behind an address a marker begins with a space and a semicolon. */
function isOfExtra(url: string): boolean {
  return /\s;.*\bextra\b/is.test(url)
}

function requirements(metadata: Uint8Array): readonly string[] {
  try {
    return parseCoreMetadata(metadata).requiresDist
  } catch (error) {
    if (!(error instanceof PackagingError)) throw error
    // What an installer makes of it is the installer's; it may find these lines in it.
    const text = Buffer.from(metadata).toString('latin1').replaceAll(FOLD, ' ')
    return Array.from(text.matchAll(REQUIRES), ([, value = '']) => value.trim())
  }
}
