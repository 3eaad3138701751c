import type { Generated, Insertable, Selectable } from 'kysely'

/**
 * The tables, as both dialects hold them. Conventions: a time is ISO 8601 text in UTC with milliseconds (`file.upload_time`
 * alone may have microseconds, being the upstream's own value); a flag is 0 or 1; JSON is text; a digest is lower-case hex.
 * A project name is always in PEP 503 normal form.
 */
export interface Database {
  readonly project: ProjectTable
  readonly release: ReleaseTable
  readonly file: FileTable
  readonly upstream_page: UpstreamPageTable
  readonly decision: DecisionTable
  readonly event: EventTable
  readonly journal: JournalTable
  readonly snapshot: SnapshotTable
  readonly page: PageTable
  readonly superseded_page: SupersededPageTable
  readonly user: UserTable
  readonly token: TokenTable
  readonly setting: SettingTable
  readonly lease: LeaseTable
  readonly garbage: GarbageTable
  readonly node: NodeTable
  readonly tuf_file: TufFileTable
  readonly namespace: NamespaceTable
  readonly denial: DenialTable
  readonly approval: ApprovalTable
  readonly target: TargetTable
  readonly opening: OpeningTable
  readonly team: TeamTable
  readonly team_member: TeamMemberTable
  readonly member: MemberTable
  readonly transfer: TransferTable
  readonly name_claim: NameClaimTable
  readonly download_tally: DownloadTallyTable
  readonly audit: AuditTable
  readonly request: RequestTable
  readonly upstream_list: UpstreamListTable
  readonly upstream_finding: UpstreamFindingTable
  readonly webhook: WebhookTable
}

/** Who may answer for a name (design.md section 2). */
export type Authority = 'unclaimed' | 'internal' | 'upstream' | 'merged'

/** PEP 792. */
export type ProjectStatus = 'active' | 'archived' | 'quarantined' | 'deprecated'

export { LOCAL_SOURCE } from '../names/local-source.ts'

export interface ProjectTable {
  /** Primary key. */
  name: string
  /** The spelling last uploaded or listed. */
  display_name: string
  authority: Authority
  /** The deciding upstream (authority `upstream`), or the one whose page is shown meanwhile (`unclaimed`); else null. */
  upstream: string | null
  /** Number of the newest decision about this name; 0 before the first. */
  rev: number
  status: ProjectStatus
  status_reason: string | null
  created_at: string
  /** JSON: how two sources stand beside each other (authority `merged`); else null. */
  merge_rule: Generated<string | null>
  /** When its page next changes by the clock alone; null: never. */
  next_change_at: Generated<string | null>
}

export interface ReleaseTable {
  project: string
  /** `canonicalVersionKey`: equal for versions that compare equal. Primary key with `project`. */
  version_key: string
  /** Normalised version as first uploaded. */
  version: string
  created_at: string
  /** Core metadata of the release's first file, JSON; the JSON API's `info`. */
  metadata: string
}

export interface FileTable {
  id: Generated<number>
  project: string
  /** `local`, or the name of the upstream that lists it. */
  source: string
  filename: string
  /** Unique with `source` and `project`: lower-cased for local files (attacks.md NAME-CASE), else the file name itself. */
  filename_key: string
  version: string
  version_key: string
  kind: 'wheel' | 'sdist'
  /** Null only for an upstream file that came without one and was not yet hashed: not offered. */
  sha256: string | null
  blake2b: string | null
  md5: string | null
  size: number | null
  requires_python: string | null
  /** 1: a sidecar exists; its digest is `metadata_sha256` where known. */
  has_metadata: number
  metadata_sha256: string | null
  upload_time: string
  upload_time_source: 'upload' | 'upstream' | 'first-seen'
  first_seen_at: string
  yanked: number
  yanked_reason: string | null
  /** Where the upstream serves it; null for local files. */
  url: string | null
  provenance_url: string | null
  /** Digest of the kept attestations document (PEP 740) of an uploaded file. */
  attestations_sha256: string | null
  /** The wheel's python tags or `source`, as uploaded. */
  python_version: string | null
  comment: string | null
  uploaded_by: string | null
  /** 1: the bytes are in the blob store. */
  stored: number
  /** When its sha256 was first accepted from its source; never changes (design.md section 2). */
  admitted_at: string | null
  /** When the upstream stopped listing it; null while listed. */
  withdrawn_at: string | null
  /** Tombstone of a deleted local file: its name is burned for ever (attacks.md NAME-REUSE). */
  deleted_at: string | null
  /** When the age of an upstream's file begins (design.md section 8, cooldown); null: its upload time. */
  age_from: Generated<string | null>
}

/** What the last good answer of one upstream for one project was; names that it never had are remembered in memory only. */
export interface UpstreamPageTable {
  project: string
  upstream: string
  etag: string | null
  last_modified: string | null
  /** Last good answer, 304 and 404 included. */
  checked_at: string
  /** As it was when the project was last there. */
  status: ProjectStatus
  status_reason: string | null
  /** 1: the upstream does not have the project any more. */
  absent: Generated<number>
}

/** Who decided what about a name; hash-chained per project (design.md section 2, decision). */
export interface DecisionTable {
  project: string
  rev: number
  at: string
  actor: string
  /** JSON: `{kind, …}`. */
  body: string
  /** `hash` of rev - 1; null for rev 1. */
  prev: string | null
  hash: string
}

/** Things worth knowing that change nothing by themselves: an upstream that mutated or withdrew a file, a collision. */
export interface EventTable {
  id: Generated<number>
  project: string | null
  kind: string
  at: string
  actor: string | null
  detail: string
}

/** Every change, in the transaction that made it; the publisher empties it (design.md section 3). */
export interface JournalTable {
  seq: Generated<number>
  project: string
  action: string
  at: string
  actor: string | null
  /** The snapshot that carried it; null until then. Sequence numbers may commit out of order: null is the queue. */
  snapshot: number | null
}

/** The fencing number: whoever inserts version n + 1 publishes it, nobody else can (design.md section 3, point 5). */
export interface SnapshotTable {
  version: number
  at: string
  publisher: string
  projects: number
}

/** The current page of a project; its body is the blob `body_sha256`. */
export interface PageTable {
  project: string
  snapshot: number
  body_sha256: string
  prev_sha256: string | null
  /** Digest of the page without its snapshot numbers: equal means there is nothing to publish. */
  content_sha256: string
  /** 1: named in the project list. */
  listed: number
}

export interface SupersededPageTable {
  project: string
  snapshot: number
  body_sha256: string
  superseded_at: string
}

export interface UserTable {
  name: string
  password_hash: string | null
  admin: number
  created_at: string
  disabled_at: string | null
}

export interface TokenTable {
  /** Public id, shown in listings and logs. */
  id: string
  user: string
  /** sha256 of the secret (hex); the secret itself is never stored. */
  hash: string
  scope: 'read' | 'upload' | 'admin'
  /** Restricts the token to one project; null: all. */
  project: string | null
  label: string | null
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  revoked_at: string | null
}

export interface SettingTable {
  key: string
  value: string
}

/** Work that one process at a time may do, whatever machine it runs on; whoever died holding one loses it by the clock. */
export interface LeaseTable {
  /** Primary key. */
  name: string
  /** Host and process. */
  holder: string
  expires_at: string
}

/** Blobs that nothing pointed to when they were last looked at; swept after their grace period. */
export interface GarbageTable {
  /** Primary key. */
  sha256: string
  /** `ListedBlob.touched` when it was marked: one that was touched since is somebody's again. */
  touched: string
  marked_at: string
}

/** The servers that run on this database, by their own word; one that stops takes its row away. */
export interface NodeTable {
  /** Primary key: host, process and a random part. */
  id: string
  started_at: string
  seen_at: string
  version: string
  /** JSON: what the server counted since its start. */
  status: string
}

/**
 * A file of signed metadata (design.md section 7): immutable once its transaction is over. The newest version of a role is
 * current; a role's older ones go some time after they were superseded, but for root's, which are kept for ever.
 */
export interface TufFileTable {
  /** The role's name. Primary key with `version`. */
  role: string
  version: number
  /** The file as it is sent: JSON, in canonical form but for its control characters. */
  body: string
  expires_at: string
  /** When a newer version came out; null while there is none. */
  superseded_at: string | null
}

/** Granted prefixes (PEP 752), beside those of the configuration. */
export interface NamespaceTable {
  /** Primary key, in normal form. */
  name: string
  owner: string
  visibility: 'public' | 'private'
  claims: 'offline' | 'online'
  since: string
  granted_by: string
}

/** The deny list with its history: an entry stays when it is lifted. */
export interface DenialTable {
  /** Primary key, never used again. */
  n: number
  project: string
  /** The project's shard of names. */
  shard: string
  version: string | null
  sha256: string | null
  overlay: 'quarantined' | 'blocked'
  reason: string
  since: string
  until: string | null
  denied_by: string
  lifted_at: string | null
  lifted_by: string | null
}

/** Who approved which bytes of a name whose files need it. */
export interface ApprovalTable {
  project: string
  sha256: string
  approver: string
  filename: string
  at: string
}

/** What would open a sealed name, and waits for its holders (`waxseal seal`). */
export interface OpeningTable {
  project: string
  kind: 'lift' | 'merge'
  /** JSON: the number of the denial, or the rule of the merge (null: it ends). */
  body: string
  asked_at: string
  asked_by: string
}

/** The body of a target about names (records, policies, the deny list), by the role that lists it. */
export interface TargetTable {
  role: string
  path: string
  sha256: string
  body: string
  /** When another took its place; null while it is signed. */
  superseded_at: string | null
}

export type RequestState = 'open' | 'approved' | 'declined' | 'withdrawn'

/** What somebody who was refused asked those who decide. */
export interface RequestTable {
  id: number
  project: string
  /** As it was asked for; null: the name. */
  version: string | null
  /** JSON: names and hashes of what was withheld then. */
  files: string
  reason: string | null
  /** A user; null: nobody by name. */
  asked_by: string | null
  /** What limits count by (`addressKey`); null: it did not come over the network. */
  address: string | null
  at: string
  state: RequestState
  answered_by: string | null
  answered_at: string | null
  /** Why, for whoever asked. */
  answer: string | null
}

export type RequestRow = Selectable<RequestTable>

/** Several users who hold a project together. */
export interface TeamTable {
  /** Primary key. */
  name: string
  created_at: string
}

export interface TeamMemberTable {
  /** Primary key with `member`. */
  team: string
  /** A user's name. */
  member: string
  since: string
}

/** What somebody may do to a project: owners everything, maintainers upload and yank. */
export type MemberRole = 'owner' | 'maintainer'

/** Who may work on a project. A project without a row here is everybody's who may upload, as it was before there were any. */
export interface MemberTable {
  /** Primary key with the next two. */
  project: string
  holder_kind: 'user' | 'team'
  /** The name of a user or team. */
  holder: string
  role: MemberRole
  since: string
}

/** An offer to hand a project over; it is nobody else's before it is accepted. One at a time is open. */
export interface TransferTable {
  /** Primary key with `number`, which counts the transfers of the project. */
  project: string
  number: number
  /** Who is to own it. */
  holder_kind: 'user' | 'team'
  holder: string
  asked_at: string
  asked_by: string
  answered_at: string | null
  answered_by: string | null
  answer: 'accepted' | 'declined' | 'withdrawn' | null
}

/** The claims by upload of the last day, for their limit. */
export interface NameClaimTable {
  /** Primary key. */
  project: string
  at: string
  /** A user. */
  actor: string
  /** What limits count by (`addressKey`). */
  address: string | null
}

/** How many files of an upstream's project were downloaded on a day, and by whom; see docs/decisions/0023-download-tally.md. */
export interface DownloadTallyTable {
  /** Primary key with the next two. */
  project: string
  /** `2026-11-26`, in UTC. */
  day: string
  /** A user's name, or the network of somebody without one (`192.0.2.0/24`, `2001:db8:1::/48`). */
  who: string
  downloads: number
}

/** Who did what, chained (`telemetry/audit.ts`); the database refuses to change or delete a row. */
export interface AuditTable {
  /** Primary key: one more than the record's before. */
  id: number
  at: string
  actor: string | null
  credential: string | null
  address: string | null
  action: string
  subject: string | null
  /** JSON. */
  before: string | null
  /** JSON. */
  after: string | null
  /** `hash` of id - 1; null for 1. */
  prev: string | null
  hash: string
}

/** What the sentinel knows of an upstream's list of all projects. */
export interface UpstreamListTable {
  /** Primary key. */
  upstream: string
  /** When it was last asked for. */
  checked_at: string
  /** When it was last read whole and believed, 304 included; null before. */
  read_at: string | null
  /** How many names it had then. */
  names: number
  /** How many names were worth telling and are not kept, there being too many. */
  beyond: number
  etag: string | null
  last_modified: string | null
  /** Digest of the own names that it was compared with: with others, a 304 says nothing. */
  own_sha256: string | null
  failing_since: string | null
  reason: string | null
  /** 1: an event tells that it fails. */
  told: number
  /** Since when it lists far less than before; null: it does not. */
  shrunk_since: string | null
}

/** Why the sentinel tells of a name of an upstream. */
export type FindingKind = 'upstream-collision' | 'upstream-under-namespace' | 'upstream-look-alike'

/** A name of an upstream that was told of, for as long as it lasts. Primary key: `upstream` with `name`. */
export interface UpstreamFindingTable {
  upstream: string
  name: string
  kind: FindingKind
  /** The internal name, or the prefix, that it concerns. */
  own: string
  since: string
}

/** How far a webhook has come. */
export interface WebhookTable {
  /** Primary key: its name in the configuration. */
  name: string
  /** Id of the last event that it needs no more. */
  last_event: number
  /** How often the next one was tried in vain. */
  attempts: number
  /** Not before this; null: at once. */
  next_at: string | null
  failing_since: string | null
  reason: string | null
  /** 1: an event tells that it fails. */
  told: number
  delivered_at: string | null
}

export type ProjectRow = Selectable<ProjectTable>
export type FileRow = Selectable<FileTable>
export type NewFileRow = Insertable<FileTable>
export type PageRow = Selectable<PageTable>
export type DecisionRow = Selectable<DecisionTable>
export type TokenRow = Selectable<TokenTable>
