import { TrustError } from '../error.ts'
import type { Metadata, Root, Timestamp } from '../metadata.ts'
import { MAX_ISSUED_LEAD_MS } from '../limits.ts'
import { readMetadata } from '../read-metadata.ts'
import { verifyThreshold } from '../threshold.ts'
import { writeTime } from '../timestamps.ts'
import { checkFresh } from './fresh.ts'
import { trustOf } from './root.ts'

/** A timestamp whose signatures count under `root` (specification 5.4.2). @throws TrustError */
export function signedTimestamp(root: Metadata<Root>, bytes: Uint8Array): Metadata<Timestamp> {
  const timestamp = readMetadata('timestamp', bytes)
  verifyThreshold('timestamp', timestamp, trustOf(root.signed, 'timestamp'))
  return timestamp
}

/** What becomes of a timestamp that was fetched. */
export type TimestampOutcome =
  | { readonly kind: 'new'; readonly timestamp: Metadata<Timestamp> }
  | { readonly kind: 'same' }
  /** The version that is trusted, saying something else: discarded, and worth an alarm (attacks.md RB-LEN). */
  | { readonly kind: 'equivocation' }

/**
 * Decides about a timestamp, given the trusted one. `clock` is the reader's own, at the start of the update; `now` the same, or the
 * newest `x-issued` seen.
 * @throws TrustError
 */
export function nextTimestamp(
  root: Metadata<Root>,
  trusted: Metadata<Timestamp> | undefined,
  bytes: Uint8Array,
  { clock, now }: { readonly clock: number; readonly now: number },
): TimestampOutcome {
  const timestamp = signedTimestamp(root, bytes)
  const { version, snapshot, issued } = timestamp.signed
  if (trusted !== undefined) {
    // 5.4.3.1: a lower version is a rollback; the same one ends the update of this role quietly (attacks.md RB-TS).
    if (version < trusted.signed.version) throw rollback('timestamp', version, trusted.signed.version)
    if (version === trusted.signed.version) {
      const same = Buffer.compare(timestamp.signedBytes, trusted.signedBytes) === 0
      return { kind: same ? 'same' : 'equivocation' }
    }
    // 5.4.3.2: nor may the snapshot that it names be older (attacks.md RB-SN).
    if (snapshot.version < trusted.signed.snapshot.version) {
      throw rollback('snapshot', snapshot.version, trusted.signed.snapshot.version)
    }
  }
  checkClocks(issued ?? 0, clock)
  // 5.4.4
  checkFresh('timestamp', timestamp.signed, Math.max(now, issued ?? 0))
  return { kind: 'new', timestamp }
}

/**
 * No clock is believed to be earlier than the newest `x-issued` adopted (attacks.md FZ-CLK), so one that is far ahead would end all
 * that the mended clock signs.
 * @throws TrustError `clock-skewed`
 */
function checkClocks(issued: number, clock: number): void {
  if (issued - clock <= MAX_ISSUED_LEAD_MS) return
  const hours = Math.floor((issued - clock) / 3_600_000)
  throw new TrustError(
    'clock-skewed',
    `The timestamp was signed at ${writeTime(issued)}, ${hours} hours after the time here, ${writeTime(clock)}: the repository's clock is ahead, or this machine's is behind.`,
  )
}

export function rollback(role: string, version: number, trusted: number): TrustError {
  return new TrustError('rollback', `${role} goes back to version ${version}, after version ${trusted} was seen.`)
}
