/** Every cap of this package, in one place (design.md section 11; attacks.md ED-META, DEL-1, DEL-5, ROOT-N, FF-JS). */

/** Deepest nesting of JSON. Metadata needs eight or so; `custom` may hold a little more. */
export const MAX_JSON_DEPTH = 32
/** Longest role name, in characters: it becomes a file name, three characters for one where it is escaped. */
export const MAX_ROLE_NAME = 80
/** Longest target path or path pattern, in characters. */
export const MAX_TARGET_PATH = 512
/** Most segments of a target path or pattern. */
export const MAX_PATH_SEGMENTS = 16
/** Most keys, signatures or key ids in one list. */
export const MAX_KEYS = 4096
/** Most keys that one role lists for those that it delegates to. */
export const MAX_LISTED_KEYS = 65_536
/** Longest public key, in characters of its hexadecimal or PEM form. */
export const MAX_PUBLIC_KEY = 8192
/** Longest signature, in hexadecimal characters: RSA with 8,192 bits. */
export const MAX_SIGNATURE = 2048
/** Most bits of a succinct delegation (TAP 15 allows 32; 2^20 bins are a snapshot of 35 MB). */
export const MAX_SUCCINCT_BITS = 20
/** Longest name of a hash algorithm, in characters. */
export const MAX_HASH_NAME = 32
/** Most roles that one role may delegate to by name: 256 shards, and developer roles within a shard. */
export const MAX_DELEGATIONS = 65_536
/** Most hash prefixes of one delegation, and the longest of them (a whole sha256). */
export const MAX_HASH_PREFIXES = 65_536
export const MAX_HASH_PREFIX = 64
/** Most patterns of one delegation. */
export const MAX_PATTERNS = 1024
/** Most bytes of a root, a timestamp, and of other roles whose length nobody has signed (attacks.md ED-META). */
export const MAX_ROOT_BYTES = 512 * 1024
export const MAX_TIMESTAMP_BYTES = 16 * 1024
export const MAX_SNAPSHOT_BYTES = 8 * 1024 * 1024
export const MAX_TARGETS_BYTES = 16 * 1024 * 1024
/** Most bytes of any metadata, whatever length is signed: 2^20 bins are a snapshot of 35 MB. */
export const MAX_METADATA_BYTES = 64 * 1024 * 1024
/** Most root rotations that one refresh follows (attacks.md ROOT-N; specification 5.3.3). */
export const MAX_ROOT_ROTATIONS = 256
/** Most roles that one look-up visits, as python-tuf (attacks.md DEL-1; specification 5.6.7.1). */
export const MAX_VISITED_ROLES = 32
/** How often a refresh starts again because another process has changed the state meanwhile. */
export const MAX_STATE_CHANGES = 5
/** Most bytes of roles that a client keeps parsed. */
export const MAX_CACHED_ROLE_BYTES = 16 * 1024 * 1024
/** Longest file name of a role, escaped: with version and `.json` it fits into the 255 bytes that file systems allow. */
export const MAX_ROLE_FILE = 220
/** For how long one metadata file is waited for, in milliseconds (attacks.md SR-1). */
export const METADATA_DEADLINE_MS = 60_000
/** For how long one target is waited for, in milliseconds. */
export const TARGET_DEADLINE_MS = 60 * 60_000
/** Least average rate, in bytes a second, and after how many milliseconds it must be reached (attacks.md SR-1). */
export const MIN_BYTES_PER_SECOND = 1024
export const SLOW_START_MS = 10_000
/** For how long another process that is writing the state is waited for, and how long between two looks, in milliseconds. */
export const STATE_LOCK_MS = 10_000
export const STATE_LOCK_POLL_MS = 10
/** Most bytes of a role file that is handed in signed: what other clients read at most (tuf.md C). */
export const MAX_SIGNED_FILE = 5_000_000
/** Longest life of a role, in milliseconds: ten years. */
export const MAX_LIFE = 10 * 366 * 86_400_000
/** How far the clock of whoever signs elsewhere may be ahead of ours, in milliseconds. */
export const MAX_CLOCK_LEAD = 86_400_000
/**
 * How far the clock that a timestamp was signed by may be ahead of the reader's, in milliseconds: more than any time zone taken for
 * UTC, and less than a timestamp's life of a day, so that what the mended clock signs next is good for those who saw it.
 */
export const MAX_ISSUED_LEAD_MS = 16 * 3_600_000
/** Paths of a role's list that are looked at before others may have a turn: each may be held against `MAX_PATTERNS`. */
export const PATHS_AT_A_TIME = 16
/** Roles that are loaded, signed or written at a time. */
export const ROLES_AT_A_TIME = 32
/** Most roles renewed for their age in one publish, unless the caller says otherwise. */
export const RENEWALS_AT_A_TIME = 64
/** Largest file that holds one key, in bytes: an RSA key of 8,192 bits has some 6 KiB. */
export const MAX_KEY_FILE = 65_536
/** Shortest and longest passphrase, in characters. */
export const MIN_PASSPHRASE = 12
export const MAX_PASSPHRASE = 1024
/** The most that opening an encrypted key may cost: half a gibibyte of memory, and seconds. */
export const MAX_KDF_MEMORY_KIB = 524_288
export const MAX_KDF_PASSES = 10
export const MAX_KDF_LANES = 16
/** Largest file with one token, PIN or passphrase, in bytes; largest one of AWS profiles or of certificate authorities. */
export const MAX_SECRET_FILE = 4096
export const MAX_SETTINGS_FILE = 1_048_576
/** How long `pkcs11-tool` may take: someone may have to touch the token. The most it may print. */
export const PKCS11_TIMEOUT_MS = 60_000
export const MAX_PKCS11_OUTPUT = 65_536
/** One try of a request to a key service; the largest answer; how often it is tried, and the first wait, which doubles. */
export const KEY_SERVICE_TIMEOUT_MS = 10_000
export const MAX_KEY_SERVICE_ANSWER = 262_144
export const KEY_SERVICE_ATTEMPTS = 4
export const KEY_SERVICE_BACKOFF_MS = 250
/** Longest part of what a token or service said that is repeated in a message, in characters. */
export const MAX_EXCERPT = 200
/** Most documents of one ceremony: a root, `targets`, and all offline shards of names. */
export const MAX_CEREMONY_DOCUMENTS = 1024
/** Most bytes of the request of a ceremony: all of it is read at once. */
export const MAX_CEREMONY_REQUEST = 64 * 1024 * 1024
/** Most targets whose content it has, and most bytes of one: a name's record with some thousand files, or all namespaces. */
export const MAX_CEREMONY_CONTENTS = 16_384
export const MAX_TARGET_CONTENT = 256 * 1024
/** Most redirects that one fetch follows. */
export const MAX_REDIRECTS = 5
