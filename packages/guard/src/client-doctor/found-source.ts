/** What a setting does to where packages come from. */
export type SourceKind =
  /** It is asked instead of the default index. */
  | 'index'
  /** It is asked beside another. */
  | 'extra-index'
  /** A page or folder of files, taken beside an index. */
  | 'links'
  /** No certificate is asked of this host. */
  | 'unchecked-host'
  /** One requirement is taken from there, past any index. */
  | 'direct-url'
  /** Several indexes are merged by version. */
  | 'merging'
  /** An image or a test environment where pip runs by a configuration of its own. */
  | 'elsewhere'
  /** What is published goes there. */
  | 'upload'
  /** Credentials that are sent there. */
  | 'credentials'

/** A setting that says where packages come from, wherever it stands. */
export interface FoundSource {
  readonly kind: SourceKind
  /** `pip`, `uv`, …: who reads it. */
  readonly client: string
  /** `/etc/pip.conf:3`, or `environment variable PIP_INDEX_URL`. */
  readonly where: string
  /** The option's name. */
  readonly setting: string
  /** As written: it may hold credentials. */
  readonly value: string
}
