import { DOCTOR_FINDINGS } from '../limits.ts'

/** `error`: something is lost or wrong; `warning`: something will be; `note`: worth knowing, nothing to do about. */
export type Severity = 'error' | 'warning' | 'note'

/** Everything that an examination can find: what it means, and what to do about it. */
const CATALOGUE = {
  'database-damaged': {
    severity: 'error',
    means: 'The database file itself is damaged; nothing that depends on its rows was looked at or repaired.',
    advice:
      'Stop the server, keep a copy of the data folder, and restore the last backup ("waxseal restore"); look at the disk.',
  },
  'rows-inconsistent': {
    severity: 'error',
    means: 'Rows contradict each other.',
    advice: 'Report this with the output; restore a backup if pages or files are missing.',
  },
  'decisions-broken': {
    severity: 'error',
    means: 'The chain of decisions about a name does not hold: it was changed outside of Waxseal.',
    advice: 'Find out who wrote to the database; compare with a backup.',
  },
  'audit-broken': {
    severity: 'error',
    means: 'The chain of the audit does not hold: it was changed outside of Waxseal.',
    advice: 'Find out who wrote to the database; compare with an export ("waxseal audit export") and with a backup.',
  },
  'page-differs': {
    severity: 'error',
    means: 'A published page does not say what the rows say.',
    advice: 'Run "waxseal doctor --repair": the page is published anew.',
  },
  'metadata-damaged': {
    severity: 'error',
    means: 'Signed metadata is missing, damaged, or not signed by those who should: clients refuse what depends on it.',
    advice:
      'Run "waxseal doctor --repair": pages are signed again. What that does not mend comes back with the last backup ("waxseal restore").',
  },
  'metadata-expired': {
    severity: 'error',
    means: 'Signed metadata has expired: clients refuse the index.',
    advice:
      'Set the clock if it is wrong. What a server signs it renews by itself, as does "waxseal doctor --repair"; what people sign is signed again in a ceremony.',
  },
  'page-unsigned': {
    severity: 'error',
    means: 'What is signed of a page is not what is published: clients refuse it.',
    advice:
      'Run "waxseal doctor --repair": it is signed again. Look for a server of an older version on this database.',
  },
  'blob-missing': {
    severity: 'error',
    means: 'Stored bytes that rows speak of are not there.',
    advice:
      'Run "waxseal doctor --repair", with --from for a backup; uploading the very same file again heals it as well.',
  },
  'blob-damaged': {
    severity: 'error',
    means: 'Stored bytes do not hash to their name, or have another size than was stored.',
    advice: 'Run "waxseal doctor --repair", with --from for a backup; look at the disk and its memory.',
  },
  'blob-unreadable': {
    severity: 'error',
    means: 'Stored bytes or their folder cannot be read by this user.',
    advice: 'Give the data folder back to the user who runs the server (chown -R); look at the disk.',
  },
  'file-unobtainable': {
    severity: 'error',
    means: 'A file of an upstream is not stored, and its upstream does not give it any more.',
    advice: 'Run "waxseal doctor --repair --from" with another backup that has it.',
  },
  'not-writable': {
    severity: 'error',
    means: 'A folder or file cannot be written by this user.',
    advice: 'Give the data folder back to the user who runs the server (chown -R).',
  },
  'foreign-owner': {
    severity: 'warning',
    means: 'Something in the data folder belongs to another user than the folder itself.',
    advice: 'Run commands as the user who runs the server; give the folder back with chown -R.',
  },
  'database-open': {
    severity: 'warning',
    means: 'Other users of this machine may read the database, which holds password and token hashes.',
    advice: 'chmod 600 the database files.',
  },
  'stray-file': {
    severity: 'warning',
    means: 'Something in the blob folder is no blob; Waxseal leaves it alone.',
    advice: 'Move it away if it is not yours.',
  },
  'disk-nearly-full': {
    severity: 'warning',
    means: 'There is little space left where the data lies.',
    advice: 'Make room: "waxseal gc", retention.upstream-versions, or a larger disk.',
  },
  'time-in-future': {
    severity: 'warning',
    means: 'Rows have times in the future: the clock was wrong then, or is now.',
    advice: 'Set the clock (NTP).',
  },
  'page-waiting': {
    severity: 'note',
    means: 'Changes are written and not published yet.',
    advice: 'A running server publishes them within a second; start one.',
  },
  'signing-waiting': {
    severity: 'note',
    means: 'This index was restored, and has to be published again by a server that has its keys.',
    advice: 'Start one; it says which keys it wants.',
  },
  leftovers: {
    severity: 'note',
    means: 'Processes that ended left files half-written.',
    advice: 'They go with "waxseal gc" and when the server starts.',
  },
  'upstream-unknown': {
    severity: 'note',
    means: 'Files are listed that are not stored, of an upstream that is not configured: they cannot be fetched.',
    advice:
      'Configure the upstream again if they are needed, or repair with --from: what a backup has is taken from it.',
  },
} as const satisfies Readonly<Record<string, { severity: Severity; means: string; advice: string }>>

export type FindingCode = keyof typeof CATALOGUE

/** How a finding was repaired, or why it was not. */
export interface Repair {
  readonly done: boolean
  readonly how: string
}

/** One thing that is not as it should be. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** What it is about, in a sentence's part: a file with its project, a folder. */
  readonly what: string
  readonly means: string
  readonly advice: string
  readonly sha256?: string
  readonly repair?: Repair
}

/** Collects what was found: the first of them each by itself, all of them by number. */
export class Findings {
  readonly #listed: Finding[] = []
  readonly #counts = new Map<FindingCode, number>()
  #repaired = 0
  #left = 0

  add(code: FindingCode, what: string, more: { readonly sha256?: string; readonly repair?: Repair } = {}): void {
    const { severity, means, advice } = CATALOGUE[code]
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
    if (more.repair?.done === true) this.#repaired += 1
    else if (severity !== 'note') this.#left += 1
    if (this.#listed.length < DOCTOR_FINDINGS) this.#listed.push({ code, severity, what, means, advice, ...more })
  }

  get listed(): readonly Finding[] {
    return this.#listed
  }

  get counts(): Readonly<Partial<Record<FindingCode, number>>> {
    return Object.fromEntries(this.#counts)
  }

  get repaired(): number {
    return this.#repaired
  }

  /** Errors and warnings that are not repaired. */
  get left(): number {
    return this.#left
  }
}
