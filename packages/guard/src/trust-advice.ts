import type { TrustErrorCode } from '@waxseal/trust/client'

/** What it may mean that an index does not verify, and what to do: for people who did not set it up. */
export function trustAdvice(code: TrustErrorCode): string {
  switch (code) {
    case 'expired':
      return 'Somebody shows an old state, or the index has not renewed its signatures: ask whoever runs it (waxseal doctor, there). A wrong clock here looks the same.'
    case 'rollback':
    case 'version-mismatch':
      return 'Somebody shows an older state than this machine has seen, or began with: a mirror or cache on the way, or an index that was restored from a backup without "waxseal restore". Ask whoever runs it.'
    case 'equivocation':
      return 'Two different states are signed under one number: only somebody with the keys of the server can do that. Tell whoever runs it.'
    case 'clock-skewed':
      return 'Set the clock of this machine, or tell whoever runs the index that theirs is ahead.'
    case 'fetch-failed':
      return 'Look at the network, and whether the index runs (its /-/ready).'
    case 'state-invalid':
    case 'state-changed':
      return 'Try again; if it stays, "waxseal trust remove" and "waxseal trust add" begin anew, with a look at the fingerprint.'
    case 'hash-mismatch':
    case 'length-mismatch':
      return 'What was sent is not what was signed: a mirror, a cache or somebody on the network changes it. Try another network, and tell whoever runs the index.'
    case 'limit-exceeded':
    case 'delegation-limit':
      return 'The answer is larger than any real one: a broken mirror, or somebody who wants to keep this machine busy.'
    case 'missing-role':
      return 'A part of what is signed is kept back: a mirror that is not complete, or somebody on the way. Nothing takes its place.'
    case 'json-invalid':
    case 'key-invalid':
    case 'metadata-invalid':
    case 'threshold-not-met':
      return 'It is not signed by the keys that this index was trusted with: another server answers, or somebody on the way. Do not go on without asking whoever runs it.'
    case 'ceremony-invalid':
    case 'passphrase-wrong':
    case 'signer-failed':
      return 'This is a mistake of waxseal: please report it.'
  }
}
