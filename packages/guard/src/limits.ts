/** Every cap of this package, in one place (design.md section 11). */

/** Most bytes of a project's page, decoded: pages of 10,000 files have some 5 MB. */
export const MAX_PAGE_BYTES = 64 * 1024 * 1024
/** Most bytes of a name's record. */
export const MAX_RECORD_BYTES = 4 * 1024 * 1024
/** Most bytes of what holders decide about all names, and of the deny list of a shard. */
export const MAX_POLICY_BYTES = 8 * 1024 * 1024
export const MAX_DENY_LIST_BYTES = 32 * 1024 * 1024
/** Shards whose deny lists are kept in memory: all of them. */
export const MAX_DENY_LISTS = 256
/** Most bytes of a sidecar (attacks.md MD-HUGE). */
export const MAX_SIDECAR_BYTES = 16 * 1024 * 1024
/** Most bytes of a file whose size nobody has signed. */
export const MAX_FILE_BYTES = 64 * 1024 ** 3
/** How long a page or a sidecar is waited for, and a file, in milliseconds (attacks.md SR-1; the pace is `@waxseal/trust`'s). */
export const PAGE_DEADLINE_MS = 60_000
export const FILE_DEADLINE_MS = 60 * 60_000
/** For how long a verified page is taken for the newest, in milliseconds (design.md section 10: at most every 60 s). */
export const FRESH_MS = 60_000
/** Most bytes of files that are kept, unless the caller says otherwise; and what is left once there were more. */
export const CACHE_BYTES = 10 * 1024 ** 3
export const CACHE_LOW_WATER = 0.9
/** Age of what a process left that died in a download, in milliseconds, before it is removed. */
export const STALE_PART_MS = 60 * 60_000
/** How long another guard that writes what is pinned is waited for, in milliseconds. */
export const PINS_BUSY_MS = 10_000
/** Files up to this size are read at once when they are handed out, in bytes; larger ones in pieces. */
export const WHOLE_FILE_BYTES = 4 * 1024 * 1024
export const PIECE_BYTES = 1024 * 1024
/** Large files whose state is remembered since they were hashed, at most. */
export const MAX_REMEMBERED_FILES = 1000
/** How long a use of a file stands for those that follow, in milliseconds: which was used last matters by the day. */
export const USED_AGAIN_MS = 60 * 60_000
/** Longest reason phrase, in characters: clients show it whole (behaviour.md 1.2). */
export const MAX_REASON_PHRASE = 400
/** Most events of one code that a report lists, and most files; the rest is counted. When the same is told again, in milliseconds. */
export const MAX_REPORTED = 1000
export const MAX_REPORTED_FILES = 100_000
export const TOLD_AGAIN_MS = 10 * 60_000
/** Most requests for other places that are told apart in a report. */
export const MAX_OUTSIDE = 100
/** Largest root, in bytes. */
export const MAX_ROOT_BYTES = 512 * 1024
/** Largest file by which one guard hands on what it trusts, in bytes: 2^20 bins are a snapshot of 35 MB, and quotes are escaped in it. */
export const MAX_TRUST_FILE_BYTES = 128 * 1024 * 1024
/** Most roots in it, and most names and documents that were seen decided. */
export const MAX_HANDED_ROOTS = 256
export const MAX_HANDED_SEALS = 1_000_000
/** Largest file of credentials, in bytes. */
export const MAX_CREDENTIAL_BYTES = 4096
/** How long a keyring is waited for, in milliseconds: a person may have to unlock it. */
export const KEYRING_TIMEOUT_MS = 60_000
/** The longest address that is asked of the guard, in characters. */
export const MAX_REQUEST_TARGET = 4096
/** Requests that are made ahead of an installer at a time, and the largest file that is fetched so, in bytes. */
export const AHEAD_AT_A_TIME = 4
export const MAX_AHEAD_BYTES = 64 * 1024 * 1024
/** Projects that one file's metadata has fetched ahead, and most requests that wait for that. */
export const MAX_AHEAD_NAMES = 200
export const MAX_AHEAD_WAITING = 1000
/** For how long a hash has to be known before its file is called pinned, in milliseconds: an attacker cannot answer twice. */
export const PINNED_AFTER_MS = 12 * 3_600_000
/** What an index says to a request. */
export const MAX_ANSWER_BYTES = 1024 * 1024
