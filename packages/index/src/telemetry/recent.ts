/**
 * Looks for whoever asks, but again only once the answer from before is older than `maxAgeMs`: what strangers ask for
 * often costs no more than that. A failure is told to those who wait for it, and not kept.
 */
export function recent<T>(
  maxAgeMs: number,
  look: () => Promise<T>,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let last: { readonly at: number; readonly found: Promise<T> } | undefined
  return () => {
    if (last === undefined || now() - last.at > maxAgeMs) {
      const looking = { at: now(), found: look() }
      last = looking
      looking.found.catch(() => {
        if (last === looking) last = undefined
      })
    }
    return last.found
  }
}
