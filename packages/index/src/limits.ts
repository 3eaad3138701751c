/** Every cap of the server, in one place (design.md section 11, style.md rule 7). Sizes in bytes, times in milliseconds. */

/** Default cap of one uploaded file; a setting. */
export const DEFAULT_MAX_FILE_SIZE = 4 * 1024 ** 3
/** Default cap of one project's uploaded files together; a setting. */
export const DEFAULT_MAX_PROJECT_SIZE = 100 * 1024 ** 3

/** Journal rows that one snapshot takes at most. */
export const PUBLISH_BATCH = 1000
/** How often in a row a publisher may lose the race for a snapshot number before it gives up. */
export const PUBLISH_FENCED_RETRIES = 50

/** Most fields of one upload form; a release with thousands of dependencies and classifiers stays far below. */
export const MAX_UPLOAD_FIELDS = 5000
/** Longest value of the field `description`. */
export const MAX_UPLOAD_DESCRIPTION = 8 * 1024 ** 2
/** Longest value of the fields that hold documents: `license` (a full text) and `attestations` (PEP 740). */
export const MAX_UPLOAD_DOCUMENT = 1024 ** 2
/** Longest value of every other field. */
export const MAX_UPLOAD_FIELD = 64 * 1024
/** All field values of one form together, and whatever stands between the parts. */
export const MAX_UPLOAD_FIELDS_TOTAL = 16 * 1024 ** 2
/** Headers of one part of a form, in bytes. */
export const MAX_UPLOAD_PART_HEADER = 16 * 1024
/** Files above this size are inspected in a worker, so that hashing their members does not hold up other requests. */
export const INSPECT_IN_WORKER_ABOVE = 256 * 1024
/** What a smaller file may hold to be inspected at once: a few milliseconds of work. Beyond it is begun again in a worker. */
export const INSPECT_HERE_BUDGET = { bytes: 1024 ** 2, members: 1000 }
/** How long a worker without work is kept: an upload is mostly several files, and starting a worker takes longer than most of them. */
export const INSPECTION_IDLE = 10_000
/** A worker's heap: what the largest central directory and RECORD need that `@waxseal/packaging` lets through. In megabytes. */
export const INSPECTION_HEAP_MB = 384
/** Where its new objects lie; the default takes 60 MB more at the peak and is no faster. In megabytes. */
export const INSPECTION_NURSERY_MB = 8
/** Most inspection workers at once; further files wait. */
export const MAX_INSPECTION_WORKERS = 2
/** After this the inspection of one file is ended and the file refused (attacks.md ZIP-BOMB, TAR-BOMB). */
export const INSPECTION_TIMEOUT = 120_000
/** Most attestations of one file (behaviour.md 1.7). */
export const MAX_ATTESTATIONS = 2
/** Longest reason of a yank or a project status, in characters. */
export const MAX_REASON_LENGTH = 1000
/** Rows in one INSERT: few enough that the event loop is not held up for long. */
export const INSERT_CHUNK = 100
/** Rows of one UPDATE by id: SQLite takes at most 32,766 parameters a statement. */
export const UPDATE_CHUNK = 1000
/** How often a decision is made again that lost its number to another: of so many at once each gets its own. */
export const DECISION_ROUNDS = 32
/** Files of one name that are denied at once. */
export const MAX_DENIED_FILES = 100
/** Projects in which bytes are denied at once that several have. */
export const MAX_DENIED_PROJECTS = 1000
/** Requests of one user, or without one from one address, within `REQUESTS_WINDOW_MS`. */
export const REQUESTS_PER_DAY = 20
export const REQUESTS_WINDOW_MS = 86_400_000
/** Requests that wait for an answer. */
export const MAX_OPEN_REQUESTS = 10_000
/** Files of one request: a release has fewer. */
export const MAX_REQUESTED_FILES = 500
/** Requests that a list shows, the newest. */
export const LISTED_REQUESTS = 500
/** Files that are approved at once. */
export const MAX_APPROVED_FILES = 1000
/** Files that one event about a listing names. */
export const ANOMALY_FILES = 100

/** Longest wait for a TCP and TLS connection to an upstream; a setting per upstream. */
export const UPSTREAM_CONNECT_TIMEOUT_MS = 5_000
/** Longest wait from asking an upstream to its answer's headers, connecting and redirects' hops counted anew; a setting. */
export const UPSTREAM_FIRST_BYTE_TIMEOUT_MS = 15_000
/** Slowest acceptable upstream, in bytes per second over one window (attacks.md SR-1); a setting. */
export const UPSTREAM_MIN_BYTES_PER_SECOND = 1_024
/** The window over which the floor is measured, which is also the longest silence within a body (attacks.md SR-1). */
export const UPSTREAM_FLOOR_WINDOW_MS = 10_000
/** Longest time for one page, sidecar or provenance document, redirects included (attacks.md SR-1); a setting. */
export const UPSTREAM_PAGE_DEADLINE_MS = 60_000
/** Longest time for one file, redirects included: what the floor allows is bounded too (attacks.md SR-1); a setting. */
export const UPSTREAM_FILE_DEADLINE_MS = 6 * 3_600_000
/** Largest page of one project, on the wire and decoded (attacks.md ED-SIMPLE, ED-DEC); a setting. */
export const UPSTREAM_MAX_PAGE_BYTES = 32 * 1024 ** 2
/** Largest list of all projects of an upstream, on the wire and decoded: eight times PyPI's; and the longest time for one. */
export const UPSTREAM_MAX_LIST_BYTES = 256 * 1024 ** 2
export const UPSTREAM_LIST_DEADLINE_MS = 15 * 60_000
/** Largest file taken from an upstream (attacks.md ED-TGT); a setting. */
export const UPSTREAM_MAX_FILE_BYTES = 8 * 1024 ** 3
/** Most redirects followed for one request (attacks.md API-SSRF). */
export const UPSTREAM_MAX_REDIRECTS = 5
/** Longest URL asked of an upstream, in characters. */
export const UPSTREAM_MAX_URL_LENGTH = 8_192
/** Connections held to one origin of an upstream at once. */
export const UPSTREAM_CONNECTIONS_PER_ORIGIN = 128
/** Origins with a circuit of their own; beyond them the one unused longest is forgotten. */
export const UPSTREAM_MAX_CIRCUITS = 256
/** Failures in a row that open an origin's circuit. */
export const CIRCUIT_FAILURES = 5
/** First time a circuit stays open; it doubles with each failed probe. */
export const CIRCUIT_MIN_OPEN_MS = 1_000
/** Longest time a circuit stays open, and the longest Retry-After that is honoured. */
export const CIRCUIT_MAX_OPEN_MS = 300_000
/** Default time for which a page counts as fresh; a setting per upstream. */
export const UPSTREAM_REFRESH_SECONDS = 60
/** Default time for which an absent name is not asked for again; a setting per upstream. */
export const UPSTREAM_NEGATIVE_SECONDS = 60
/** Absent names remembered for one upstream: some 150 bytes each. */
export const NEGATIVE_CACHE_ENTRIES = 50_000
/** End of a file that no client gets before the whole is verified and stored. */
export const FILL_HOLD_BACK_BYTES = 64 * 1024
/** Bytes handed to a reader of a running fill at a time. */
export const FILL_READ_BYTES = 64 * 1024
/** Fills that run at once in one table. */
export const FILL_CONCURRENCY = 64
/** Fills that may wait for a place in one table. */
export const FILL_QUEUE = 1_024

/** Longest reason phrase: text of an upload refusal stays under 500 characters (behaviour.md 7.3.9). */
export const REASON_PHRASE_MAX = 480
/** Longest `detail` of a problem document, in UTF-16 units. */
export const PROBLEM_DETAIL_MAX = 2_000
/** Longest Accept or Accept-Encoding header that is read; a longer one counts as absent. */
export const ACCEPT_HEADER_MAX = 1_024
/** Projects whose published state is kept in memory: 2 KB each, where reading it again takes 55 µs. */
export const MAX_CURRENT_PROJECTS = 5_000
/** How long a page request waits for an upstream when a page from before can be served instead. */
export const STALE_PAGE_WAIT_MS = 3000
/** How long nothing is taken over from upstreams after our own disk or database failed; it doubles up to the longest. */
export const STORAGE_PAUSE_MS = 1_000
export const STORAGE_PAUSE_MAX_MS = 10_000
/** How long a page request waits for files to be hashed that their upstream lists without a sha256. */
export const HASHING_WAIT_MS = 10_000
/** A core metadata sidecar of an upstream file. */
export const MAX_SIDECAR_SIZE = 16 * 1024 ** 2
/** A provenance document of an upstream file (PEP 740: about 16 KB each). */
export const MAX_PROVENANCE_SIZE = 4 * 1024 ** 2

/** How long SQLite itself waits for a lock while the database is opened. */
export const SQLITE_BUSY_TIMEOUT = 5000
/** How long SQLite itself waits when reading, the event loop standing still; only an exclusive lock of another holds readers up. */
export const SQLITE_READ_LOCK_TIMEOUT = 50
/** How long SQLite itself waits for another process's write lock, the event loop standing still, before we wait outside it. */
export const SQLITE_WRITE_LOCK_TIMEOUT = 10
/** SQLite's page cache per connection; its own default of 2 MB is too little for the file table's indexes. */
export const SQLITE_CACHE_SIZE = 16 * 1024 ** 2
/** Longest statement that is kept prepared, in characters: what is longer has a parameter for each row of a batch. */
export const SQLITE_KEPT_STATEMENT_LENGTH = 2048
/** Statements kept prepared per SQLite connection. */
export const SQLITE_STATEMENT_CACHE = 256
/** Connections of each of the two PostgreSQL pools (writing, reading) of one process. */
export const POSTGRES_CONNECTIONS = 10
export const POSTGRES_CONNECT_TIMEOUT = 5000
/** How long a statement waits for another's lock. */
export const POSTGRES_LOCK_TIMEOUT = 3000
/** Least time between two questions whether another node published. */
export const POSTGRES_POLL_INTERVAL = 200
/** How long a transaction waits for others of its process, so that one of them is alone; afterwards it begins all the same. */
export const POSTGRES_TURN_WAIT = 1000
/** How long a transaction is tried again that only lost against others; afterwards `database-busy`. */
export const TRANSACTION_DEADLINE = 5000
/** First wait before a transaction is tried again; doubled up to 32 times this. */
export const TRANSACTION_RETRY_DELAY = 4
/** Files of one project that are fetched at a time to be hashed before they are offered. */
export const HASHING_CONCURRENCY = 4
/** Longest request target in characters: twice what the longest legitimate file address needs, percent-encoded. */
export const REQUEST_TARGET_MAX = 4_096
/** Most path segments, and the longest one, decoded. */
export const PATH_SEGMENTS_MAX = 16
export const PATH_SEGMENT_MAX = 512
/** Entries of one upstream page that are reported as left out because they may not be fetched. */
export const MAX_DROPPED_FILES = 200
/** Longest If-None-Match header that is read; a longer one matches nothing. */
export const ETAG_HEADER_MAX = 4_096
/** Bodies below this many bytes are sent as they are. */
export const ENCODED_BODY_MIN = 1_024
/** Encoders that run at once, of the four threads that also serve file reads. */
export const CONCURRENT_ENCODINGS = 2
/** What a cached representation is taken to cost beside its bytes. */
export const REPRESENTATION_OVERHEAD = 1_024

/** Bytes read from a stored file at a time. */
export const BLOB_READ_CHUNK = 256 * 1024
/** One buffer for sending files; larger ones gain nothing measurable and cost memory (stack.md B1). */
export const FILE_BUFFER_SIZE = 256 * 1024
/** All such buffers together; beyond, a response makes do with one small buffer of its own. */
export const FILE_POOL_SIZE = 32 * 1024 ** 2
export const FILE_BUFFER_FALLBACK = 32 * 1024
/** Files and ranges up to this size are read in one go. */
export const SMALL_FILE_MAX = 64 * 1024
/** How long a client may take nothing of an answer before it is cut off. */
export const SEND_STALL_MS = 120_000
/** The slowest an upload may come in, on average over each window. */
export const UPLOAD_MIN_BYTES_PER_SECOND = 1024
export const UPLOAD_FLOOR_WINDOW_MS = 30_000

/** Longest `Authorization` header that is looked at, in characters. */
export const MAX_AUTHORIZATION_LENGTH = 4096
export const MAX_USER_NAME_LENGTH = 64
export const MIN_PASSWORD_LENGTH = 12
export const MAX_PASSWORD_LENGTH = 1024
/** WAXSEAL_ADMIN_TOKEN: characters. */
export const MIN_ADMIN_TOKEN_LENGTH = 8
/** argon2id as OWASP's password storage sheet asks: 19 MiB, two passes, one lane. */
export const ARGON2_MEMORY_KIB = 19 * 1024
export const ARGON2_PASSES = 2
/** Passwords checked at one time, and how many more may wait for that. */
export const MAX_PASSWORD_CHECKS = 2
export const MAX_WAITING_PASSWORD_CHECKS = 64
/** Failed logins per user, and per address, within the window; the next is refused. */
export const LOGIN_FAILURES = 10
export const LOGIN_WINDOW = 5 * 60_000
/** Users, addresses, and pairs of them, whose logins are remembered. */
export const MAX_LOGIN_KEYS = 10_000
/** How long an accepted credential is taken for good without asking the database. */
export const TOKEN_CACHE_LIFETIME = 5000
export const MAX_TOKEN_CACHE = 10_000
/** A token's last use is noted at most this often. */
export const TOKEN_USE_INTERVAL = 60_000
/** What is read of a refused upload before the connection is closed on it: bytes, and time altogether. */
export const DRAIN_MAX_BYTES = 256 * 1024 ** 2
export const DRAIN_MAX_MS = 30_000
/** The JSON body of a management request, and the time in which it must arrive. */
export const MAX_MANAGEMENT_BODY = 64 * 1024
export const MANAGEMENT_BODY_MS = 20_000
/** Encoded pages that are kept in memory. */
export const PAGE_CACHE_BYTES = 32 * 1024 ** 2
/** Encoded files of signed metadata that are kept in memory. */
export const TUF_CACHE_BYTES = 16 * 1024 ** 2
/** Until the headers of a request must be there (attacks.md SR-2). */
export const HEADERS_TIMEOUT_MS = 20_000
/** How often connections are looked at: for headers that are late, and for clients that take nothing of an answer. */
export const CONNECTIONS_INTERVAL_MS = 5_000
/** Bytes of one request's first line and headers. */
export const MAX_HEADER_BYTES = 16 * 1024
/** Headers of one request. */
export const MAX_HEADERS = 100
/** Until a TLS handshake must be done (attacks.md SR-2). */
export const TLS_HANDSHAKE_MS = 20_000
/** How long a connection may stay open between requests. */
export const KEEP_ALIVE_MS = 65_000
/** Connections at a time; beyond it the one that has been idle for longest makes room. */
export const MAX_CONNECTIONS = 10_000
/** Connections of one client, which is an IPv4 address or an IPv6 /64; trusted proxies have no such limit. */
export const MAX_CLIENT_CONNECTIONS = 1_000
/** Requests of one connection that wait for their answer or are being answered; no client of ours sends a second one. */
export const MAX_CONNECTION_REQUESTS = 16
/** Descriptors that connections leave to everything else: database, upstreams, downloads, uploads. */
export const RESERVED_DESCRIPTORS = 512
/** How often the files of the TLS certificate are looked at. */
export const CERTIFICATE_POLL_MS = 5_000
/** How long before its end a certificate is warned about, and how often. */
export const CERTIFICATE_WARNING_MS = 14 * 24 * 3_600_000
export const CERTIFICATE_REMIND_MS = 24 * 3_600_000
/** Default time that a stopping server gives uploads and downloads; with what follows below Kubernetes' 30 seconds. A setting. */
export const SHUTDOWN_GRACE_MS = 25_000
/** How long a server that has answered everything waits for its own disk and database; with the grace below 30 seconds, too. */
export const BACKGROUND_GRACE_MS = 4_000
/** Files of the data folder beyond this hold no key. */
export const MAX_KEY_FILE_LOOKED_AT = 65_536
/** How deep in the data folder, and among how many files, an offline key is looked for at each start. */
export const MAX_KEY_SEARCH_DEPTH = 4
export const MAX_KEY_SEARCH_ENTRIES = 5000
/** How old the dates of signatures may be that readiness and metrics tell of: they change once a minute at most. */
export const SIGNING_LOOK_MS = 10_000
/** A role that ends soon is logged again after this. */
export const SIGNING_REMIND_MS = 86_400_000
/** How often a server looks for journal rows that others left unpublished. */
export const STRAY_JOURNAL_INTERVAL_MS = 1000
/** How often a server looks for signatures that have to be renewed: the timestamp's, hourly, above all. */
export const RENEWAL_INTERVAL_MS = 60_000
/** How often a server verifies all that is signed, as a client would that had just been given the root. */
export const VERIFICATION_INTERVAL_MS = 3_600_000
/** The first time belongs to the start (design.md section 3), and comes once that is over: it is not to be slowed down by it. */
export const VERIFICATION_FIRST_MS = 1000
/** How long a command without the keys waits for the server to publish what it changed, and how often it looks. */
export const LEFT_TO_SERVER_MS = 10_000
export const LEFT_TO_SERVER_POLL_MS = 100
/** How much of an X-Forwarded-For header is read, from its end. */
export const FORWARDED_FOR_MAX = 1_024
/** Page bodies just published that are kept in memory for whoever waited for them. */
export const RECENT_BODIES_SIZE = 2 * 1024 ** 2
/** Small files kept in memory together, and what each is taken to cost beside its bytes. */
export const SMALL_FILES_SIZE = 16 * 1024 ** 2
export const SMALL_FILE_OVERHEAD = 512
/** Addresses of small files whose way from the database to the disk is remembered between two publishes. */
export const WARM_FILES_MAX = 4_096
/** Files of an explanation's lists, the newest of each. */
export const EXPLAINED_FILES = 1_000
/** How far off the time may be at which an explanation says that its upstream was last heard. */
export const EXPLAINED_CHECK_MS = 60_000
/** Explanations that are kept in memory; the same for documents of the JSON API. */
export const DOCUMENT_CACHE_BYTES = 16 * 1024 ** 2
/** Pages whose latest release is remembered, for the JSON API. */
export const LATEST_RELEASES_MAX = 1_000

/** Room that the copy of a SQLite database before an upgrade must leave on the disk. */
export const SQLITE_COPY_HEADROOM = 64 * 1024 ** 2
/** A server that was seen so recently is taken to be running. */
export const RUNNING_NODE_MS = 60_000
/** After this a lease ends that nobody renews: its holder died. */
export const LEASE_MS = 60_000
/** How often whoever waits for a lease looks whether it is free. */
export const LEASE_POLL_MS = 500
/** How long a command of a ceremony waits for another one. */
export const CEREMONY_TURN_MS = 60_000
/** How long `waxseal backup` waits for a collection, a repair or another backup by default; an option. */
export const BACKUP_WAIT_SECONDS = 600

/** Rows fetched at a time where a whole table is read. */
export const STREAM_ROWS = 1000
/** Files that are named where many are affected; they are counted all. */
export const NAMED_FILES = 1000

/** Files of the documentation's site, and its bytes that are kept in memory. */
export const DOCS_SITE_FILES = 5_000
export const DOCS_SITE_BYTES = 16 * 1024 ** 2
/** Default time between marking a blob as garbage and deleting it; a setting. */
export const GARBAGE_GRACE_HOURS = 24
/** Default, and least, time for which the page before the current one is kept (design.md section 5); a setting. */
export const SUPERSEDED_HOURS = 24
/** Default time between two collections of a server; a setting, 0 is never. */
export const COLLECT_EVERY_HOURS = 24
/** How often a server looks whether a collection is due. */
export const COLLECT_CHECK_MS = 10 * 60_000
/** A blob touched more recently than this may be about to get its row: it is not marked yet. */
export const BLOB_SETTLE_MS = 3_600_000
/**
 * How often a server says that it still wants the files which it is receiving; and after which time without that, or
 * anything written to it, a file goes whose writer cannot be seen: longer than a container is paused, a disk hangs or a
 * network share is out of reach.
 */
export const PART_RENEWAL_MS = 10 * 60_000
export const PART_ABANDONED_MS = 3_600_000
/** Marks written, and rows of old pages deleted, in one transaction: few enough to hold up no upload. */
export const GARBAGE_BATCH = 500
/** Blobs deleted between two looks at all references. */
export const SWEEP_ROUND = 50_000
/** Retention believes the listing of an upstream's project that is no older: two collections, as often as they are by default. */
export const RETENTION_LISTING_MS = 48 * 3_600_000
/** Projects of the upstream cache looked at for one query of retention. */
export const RETENTION_BATCH = 200
/** How often, a millisecond apart, a reader looks again for a blob that a sweep has set aside while it decides. */
export const ASIDE_WAITS = 1000
/** Characters of JSON that are compressed at a time where rows are written to a file. */
export const LINE_FILE_BATCH = 64 * 1024
/** Longest row of a backup, in characters: far above the longest metadata that an upload may have. */
export const LINE_FILE_MAX_LINE = 256 * 1024 ** 2
/** Largest manifest of a backup. */
export const MAX_MANIFEST_SIZE = 1024 ** 2
/** Blobs that are copied or checked at once: each waits for the disk several times. */
export const BLOB_COPIES = 4
/** Blobs that a backup takes in hand at a time, so that their list stays in order. */
export const BLOB_COPY_BATCH = 256
/** Least distance of a restored index's numbers from the backup's, however short a time lies between. */
export const RESTORE_MIN_JUMP = 1_000_000

/** How long a log line may wait for others to be written with: what SIGKILL loses. */
export const LOG_FLUSH_MS = 50
/** Log that waits to be written, in characters; beyond it lines are dropped and counted. */
export const LOG_BUFFER_MAX = 8 * 1024 ** 2
/** Log lines are put together in buffers of this size. */
export const LOG_CHUNK = 64 * 1024
/** How long an ending process tries to write the last lines to a reader that does not take them. */
export const LOG_EXIT_MS = 1_000
/** Longest path of a request, and longest name of its client, in a log line. */
export const LOG_PATH_MAX = 1_024
export const LOG_AGENT_MAX = 64
/** Causes of an error that a log line follows. */
export const ERROR_CHAIN_MAX = 8
/** Configured secrets shorter than this are not searched for in log lines: they would be found everywhere. */
export const REDACTED_SECRET_MIN = 6
/** Upper ends of the buckets of durations, in seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120]
/** Events a minute that are written without being part of a change; further ones are only logged. */
export const EVENT_NOTES_PER_MINUTE = 60
/** How long events of strangers' making are kept, and how many of a kind: eleven days of as many as are written at most. */
export const EVENTS_OF_STRANGERS_MS = 365 * 86_400_000
export const EVENTS_OF_STRANGERS = 1_000_000
/** Rows that a census reads at a time: well under a millisecond of SQLite each. */
export const CENSUS_BATCH = 500
/** Log lines a minute about connections that were refused for one reason; further ones are only counted. */
export const REFUSAL_LINES_PER_MINUTE = 60
/** How old a count of what is stored may be when somebody scrapes it. */
export const CENSUS_MAX_AGE_MS = 5 * 60_000
/** How long the text of the metrics is good for everybody who scrapes. */
export const METRICS_CACHE_MS = 1_000
/** What is told of the event loop is of the window that lasts and the one before. */
export const EVENT_LOOP_WINDOW_MS = 60_000
/** How long an answer about readiness is good for everybody who asks, and how long one check may take. */
export const READY_CACHE_MS = 1_000
export const READY_CHECK_MS = 2_000
/** Free space below which the disk counts as nearly full. */
export const DISK_LOW_BYTES = 1024 ** 3
/** Dashes in the name of a namespace, at most: how deep they nest (PEP 752). */
export const MAX_NAMESPACE_DASHES = 4
/** Names that the effect of a grant tells one by one. */
export const EFFECT_NAMES = 1_000
/** A change that has been waiting this long to be published means that the publisher is stuck. */
export const PUBLISH_STUCK_MS = 60_000
/** Findings of one examination that are told each by itself; the rest is counted. */
export const DOCTOR_FINDINGS = 1000
/** Blobs in trouble that one examination notes, to tell and to repair them. */
export const DOCTOR_BLOBS = 100_000
/** Blobs hashed at the same time: what hides the waiting for the disk. */
export const DOCTOR_HASHING = 4
/** Pages, or decisions, read for one query of an examination. */
export const DOCTOR_BATCH = 500
/** How far in the future a time may be before it tells of a wrong clock. */
export const CLOCK_SKEW_MS = 5 * 60_000
/** How often a server says that it runs; one that has not for four times as long (`RUNNING_NODE_MS`) is gone. */
export const NODE_INTERVAL_MS = 15_000
/** Records of the audit that are answered at a time, at most and by default, and read at a time of all. */
export const MAX_AUDIT = 1_000
export const DEFAULT_AUDIT = 100
export const AUDIT_BATCH = 500
/** Events answered at a time, at most and by default. */
export const MAX_EVENTS = 1_000
export const DEFAULT_EVENTS = 100
/** Event streams at a time; each asks the database as often as that for what is new, and says that it lives. */
export const MAX_EVENT_STREAMS = 50
export const EVENT_POLL_MS = 500
export const EVENT_KEEP_ALIVE_MS = 15_000
/** Tokens that expire within this are told of; and the certificate that does within that needs attention. */
export const TOKEN_EXPIRY_NOTICE_MS = 30 * 86_400_000
export const CERTIFICATE_EXPIRY_NOTICE_MS = 14 * 86_400_000
/** A backup older than this needs attention. */
export const BACKUP_OLD_MS = 7 * 86_400_000
/** Names that one list of an operator's, or all of them together, may hold: some 20 MiB of memory. */
export const MAX_CORPUS_NAMES = 100_000
/** Bytes of such a list: names of PyPI have eleven characters on average, none has more than a hundred. */
export const MAX_CORPUS_BYTES = 8 * 1024 ** 2
/** Over how long claims are counted, and how many times as many as of one user there may be from one address. */
export const CLAIMS_WINDOW_MS = 86_400_000
export const CLAIMS_PER_ADDRESS = 4
/** Names that one user may claim in 24 hours by uploading to them, unless configured. */
export const CLAIMS_PER_DAY = 100
/** Users and teams that one project may have as members, and users that a team may have. */
export const MAX_MEMBERS = 100
export const MAX_TEAM_MEMBERS = 1_000

/** Default time between two looks at the project lists of upstreams; a setting, 0 is never. */
export const SENTINEL_EVERY_HOURS = 6
/** How often a server looks whether one is due, and when first after its start; sooner where they are due more often. */
export const SENTINEL_CHECK_MS = 60_000
export const SENTINEL_FIRST_MS = 10 * 60_000
/** How long a list may be unreadable before an event tells of it. */
export const SENTINEL_SILENT_MS = 24 * 3_600_000
/** A list with less than this part of the names that it had is not believed to have lost them, until this time has passed. */
export const SENTINEL_SHRUNK_PART = 0.5
export const SENTINEL_SHRUNK_MS = 7 * 86_400_000
/** Names of one upstream that are told of, collisions apart: anybody may register any number of them there. */
export const SENTINEL_FINDINGS = 10_000
/** Findings written in one transaction, each with its event. */
export const SENTINEL_BATCH = 100

/** How often it is looked for events that a webhook has not got; and how many are read at a time. */
export const WEBHOOK_POLL_MS = 1_000
export const WEBHOOK_BATCH = 100
/** Longest time for one attempt (Standard Webhooks: 15 to 30 seconds). */
export const WEBHOOK_TIMEOUT_MS = 20_000
/** Waits after the first attempts that failed, then the longest for ever: the events are kept. A fifth more by chance. */
export const WEBHOOK_DELAYS_MS = [5_000, 30_000, 2 * 60_000, 10 * 60_000, 30 * 60_000]
export const WEBHOOK_MAX_DELAY_MS = 3_600_000
/** After so many an event tells that it fails: some 13 minutes. */
export const WEBHOOK_FAILING_ATTEMPTS = 5
/** Events that a webhook does not want, after which it is noted that they are behind it. */
export const WEBHOOK_SKIPPED = 1_000
/** Downloads that are counted before they are written: combinations of project, day and who; and how often that is. */
export const TALLY_PENDING = 10_000
export const TALLY_FLUSH_MS = 60_000
/** How often old days are dropped, and rows beyond which the oldest go sooner: some 50 MB. */
export const TALLY_PRUNE_MS = 3_600_000
export const TALLY_ROWS = 500_000
/** For how many days it is kept who downloaded what, unless configured. */
export const TALLY_DAYS = 30
/** What the preview of a claim names of them. */
export const PREVIEWED_ASKERS = 20
export const PREVIEWED_VERSIONS = 5
/** Most targets of one seal, and most bytes of what is in them now and was before: what a request carries, with room to spare. */
export const MAX_SEAL_TARGETS = 8000
export const MAX_SEAL_BYTES = 24 * 1024 ** 2
/** Largest document that a request carries: a record with some two thousand files. */
export const MAX_SEALED_DOCUMENT = 256 * 1024
