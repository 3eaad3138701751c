import {
  EVENT_KINDS,
  FIRST_UPLOADS,
  indexDefaults,
  LOG_LEVELS,
  SHUTDOWN_GRACE_MS,
  upstreamDefaults,
} from '@waxseal/index'
import type { OnlineKey } from '@waxseal/index'
import { z } from 'zod'
import { DEFAULT_DATA, DEFAULT_LISTEN, DEFAULT_UPSTREAM } from './defaults.ts'
import {
  httpUrl,
  keyAddress,
  listenAddress,
  origin,
  path,
  postgresUrl,
  prefix,
  proxyAddress,
  unclaimedRule,
  upstreamName,
  upstreamUrl,
  webhookName,
  webhookUrl,
} from './values.ts'

/** What documentation, `config show` and `init` say of a key. Markdown. */
export interface KeyAbout {
  /** One clause, no full stop. */
  readonly description: string
  /** What is written there, in words. */
  readonly type: string
  /** The value that holds without the key, where there is one. */
  readonly default?: string | number | boolean
  /** What holds without the key, in words; beside `default`, an explanation of it. */
  readonly otherwise?: string
  /** True: its value is never shown, and `WAXSEAL_KEY_FILE` may name a file with it. */
  readonly secret?: boolean
}

/** An optional key with what there is to say of it. */
function key<T extends z.ZodType>(schema: T, about: KeyAbout) {
  return schema.optional().meta({ ...about })
}

/** Where a key is that the server signs with. */
function onlineKey(name: OnlineKey, signs: string) {
  return key(keyAddress, {
    description: `the private key that signs ${signs}: where it is`,
    type: 'address of a key',
    otherwise: `the file \`keys/${name}.pem\` of the data folder`,
  })
}

const {
  claims: CLAIMS,
  policy: POLICY,
  uploads: UPLOADS,
  reading: READING,
  retention: RETENTION,
  sentinel: SENTINEL,
  log: LOG,
} = indexDefaults('')
const UPSTREAM = upstreamDefaults(DEFAULT_UPSTREAM.name, DEFAULT_UPSTREAM.url)
const GIB = 1024 ** 3

const upstreamSchema = z.strictObject({
  url: upstreamUrl.meta({
    description: 'the base under which `PROJECT/` stands: PEP 691 JSON or PEP 503 HTML',
    type: 'http or https URL',
    otherwise: 'required',
  } satisfies KeyAbout),
  username: key(z.string(), { description: 'for Basic authentication', type: 'text', otherwise: 'none' }),
  'password-file': key(path, { description: 'a file with the password', type: 'path', otherwise: 'none' }),
  'token-file': key(path, {
    description: 'a file with a bearer token, instead of user name and password',
    type: 'path',
    otherwise: 'none',
  }),
  'ca-file': key(path, {
    description: 'certificate authorities (PEM) to trust instead',
    type: 'path',
    otherwise: "the system's",
  }),
  proxy: key(httpUrl, {
    description: 'an HTTP proxy that everything for this upstream goes through',
    type: 'URL',
    otherwise: 'none',
  }),
  'also-allow': key(z.array(origin), {
    description:
      'further origins, `https://host:port`, that its files may come from although they are private or plain http; they never get the credentials',
    type: 'list of origins',
    otherwise: 'none',
  }),
  'local-versions': key(z.boolean(), {
    description: 'whether its files may have local version labels (`1.0+cu118`)',
    type: 'true or false',
    otherwise: 'true; false for `pypi.org`',
  }),
  'refresh-seconds': key(z.number().int().min(0).max(86_400), {
    description: 'how long a page counts as fresh',
    type: '0 to 86400',
    default: UPSTREAM.refreshSeconds,
  }),
  'negative-seconds': key(z.number().int().min(0).max(86_400), {
    description: 'how long an absent name is not asked for again',
    type: '0 to 86400',
    default: UPSTREAM.negativeSeconds,
  }),
  'first-byte-timeout-seconds': key(z.number().min(0.1).max(600), {
    description: 'longest wait for the headers of an answer',
    type: '0.1 to 600',
    default: UPSTREAM.firstByteTimeoutMs / 1000,
  }),
  'min-bytes-per-second': key(z.number().int().min(1), {
    description: 'slowest acceptable transfer, over ten seconds',
    type: 'from 1',
    default: UPSTREAM.minBytesPerSecond,
  }),
  'max-file-size': key(z.number().int().min(1), {
    description: 'largest file taken from it',
    type: 'bytes',
    default: UPSTREAM.maxFileBytes,
  }),
})

const webhookSchema = z.strictObject({
  url: webhookUrl.meta({
    description: 'where each event is posted; redirects are not followed',
    type: 'http or https URL',
    otherwise: 'required',
  } satisfies KeyAbout),
  events: key(z.array(z.enum(EVENT_KINDS)), {
    description: 'which kinds of [events](operation.md#events) it gets',
    type: 'list of kinds',
    otherwise: 'all',
  }),
  key: key(keyAddress, {
    description: 'the Ed25519 key that signs its messages: where it is',
    type: 'address of a key',
    otherwise: 'the file `keys/webhook-NAME.pem` of the data folder, made where it is missing',
  }),
  'ca-file': key(path, {
    description: 'certificate authorities (PEM) to trust instead',
    type: 'path',
    otherwise: "the system's",
  }),
})

/**
 * The configuration file. Every key is optional; an unknown one is an error, so that a typo never passes silently. A
 * scalar or list has an environment variable, `WAXSEAL_` and its name (`keys.ts`); docs/configuration.md is generated
 * from here (`scripts/write-config-docs.ts`).
 */
export const configSchema = z.strictObject({
  data: key(path, { description: 'the folder that holds everything', type: 'path', default: DEFAULT_DATA }),
  listen: key(z.union([listenAddress, z.array(listenAddress).min(1)]), {
    description: 'where to listen; port 0 picks a free one; `[::]:8417` for IPv6',
    type: '`HOST:PORT`, or a list of them',
    default: DEFAULT_LISTEN,
  }),
  database: key(postgresUrl, {
    description: '`postgres://user@host/name`; see [storage](storage.md)',
    type: 'URL',
    otherwise: 'SQLite in the data folder',
    secret: true,
  }),
  'public-url': key(httpUrl, {
    description:
      'where clients reach the index; used only where an absolute address must be given: the JSON API and the start page',
    type: 'http or https URL',
    otherwise: 'from the `Host` header',
  }),
  reading: key(z.enum(['public', 'private']), {
    description: 'whether installing needs a token',
    type: '`public` or `private`',
    default: READING,
  }),
  prefixes: key(z.array(prefix), {
    description: 'names under them are internal, also those that do not exist yet; see [names](names.md)',
    type: 'list of names',
    otherwise: 'none',
  }),
  'trusted-proxies': key(z.array(proxyAddress), {
    description:
      'whose `X-Forwarded-For` is believed, for the limits on failed logins and for the [audit](operation.md#audit)',
    type: 'list of addresses or networks',
    otherwise: 'none',
  }),
  'accel-redirect': key(z.string().startsWith('/', { error: 'wants a path that begins with /' }), {
    description: 'lets nginx send stored files; see [reverse proxy](reverse-proxy.md)',
    type: 'path',
    otherwise: 'off',
  }),
  'offline-keys': key(path, {
    description: 'where the offline keys of a new index are put, outside the data folder; see [keys](keys.md)',
    type: 'path',
    otherwise: 'beside the data folder, with `.offline-keys` behind its name',
  }),
  'read-only': key(z.boolean(), {
    description:
      'changes nothing and asks no upstream: serves what is kept, also from a read-only folder; see [operation](operation.md#read-only-and-offline)',
    type: 'true or false',
    default: false,
  }),
  offline: key(z.boolean(), {
    description:
      'asks no upstream: serves what is kept and takes uploads; see [operation](operation.md#read-only-and-offline)',
    type: 'true or false',
    default: false,
  }),
  tls: z
    .strictObject({
      certificate: key(path, {
        description: 'the certificate and what leads from it to an authority (PEM); serves https instead of http',
        type: 'path',
        otherwise: 'none',
      }),
      key: key(path, { description: 'its private key (PEM)', type: 'path', otherwise: 'none' }),
    })
    .optional(),
  signing: z
    .strictObject({
      timestamp: onlineKey('timestamp', 'the timestamp, every hour'),
      snapshot: onlineKey('snapshot', 'snapshots'),
      deny: onlineKey('deny', 'what is denied'),
      names: onlineKey('names', 'who answers for a name'),
      select: onlineKey('select', 'what is selected and listed'),
      pages: onlineKey('pages', 'pages'),
    } satisfies Record<OnlineKey, z.ZodType>)
    .optional(),
  stop: z
    .strictObject({
      'delay-seconds': key(z.number().int().min(0).max(600), {
        description: 'after a signal to stop, how long `/-/ready` says no before new connections are refused',
        type: '0 to 600',
        default: 0,
      }),
      'grace-seconds': key(z.number().int().min(1).max(86_400), {
        description: 'how long uploads and downloads under way may then still take',
        type: '1 to 86400',
        default: SHUTDOWN_GRACE_MS / 1000,
      }),
    })
    .optional(),
  metrics: key(z.enum(['public', 'token', 'off']), {
    description: 'who may read `/metrics`: everybody, whoever may read the whole index, or nobody',
    type: '`public`, `token` or `off`',
    otherwise: '`public`; `token` where `reading` is `private`',
  }),
  log: z
    .strictObject({
      level: key(z.enum(LOG_LEVELS), {
        description: 'the least important lines that are written; health checks are `debug`',
        type: '`debug`, `info`, `warn`, `error` or `silent`',
        default: LOG.level,
      }),
      format: key(z.enum(['auto', 'json', 'text']), {
        description: 'text for people or JSON lines; `auto` is text on a terminal and JSON elsewhere',
        type: '`auto`, `json` or `text`',
        default: LOG.format,
      }),
      requests: key(z.boolean(), {
        description: 'a line for each request; without it only for those that failed',
        type: 'true or false',
        default: LOG.requests,
      }),
    })
    .optional(),
  names: z
    .strictObject({
      unclaimed: key(z.array(unclaimedRule), {
        description:
          'what holds for names that nobody claimed: the first pattern that matches decides, and what none matches is open; see [names](names.md#the-default)',
        type: 'list of tables with `pattern` (a name, `PREFIX-*` or `*`) and `mode` (`open`, `approve` or `deny`), or of `PATTERN=MODE`',
        otherwise: 'all open',
      }),
      'cooldown-days': key(z.number().min(0).max(366), {
        description: 'how old a file of an upstream has to be before it is given out; `waxseal init` proposes 3',
        type: '0 to 366',
        default: POLICY.cooldown,
      }),
      approvals: key(z.number().int().min(1).max(10), {
        description: 'how many people have to approve a file where the mode is `approve`',
        type: '1 to 10',
        default: POLICY.approvals,
      }),
      'first-upload': key(z.enum(FIRST_UPLOADS), {
        description:
          'what an upload needs that would be the first of a new name: nothing more, a prefix that covers the name, or an administrator; see [names](names.md#new-names)',
        type: '`claims`, `needs-namespace` or `needs-administrator`',
        default: CLAIMS.firstUpload,
      }),
      'claims-per-day': key(z.number().int().min(1), {
        description:
          'names that one user may claim in 24 hours by uploading to them; from one address four times as many',
        type: 'from 1',
        default: CLAIMS.claimsPerDay,
      }),
      'tally-days': key(z.number().int().min(0).max(366), {
        description:
          'for how many days it is kept who downloads files of upstreams, as user or network: what `waxseal project claim` shows of a name; 0: not at all',
        type: '0 to 366',
        default: CLAIMS.tallyDays,
      }),
      corpus: key(z.array(path), {
        description:
          'files with names that nobody but an administrator may claim, nor what looks like them: one a line',
        type: 'list of paths',
        otherwise: 'none',
      }),
    })
    .optional(),
  uploads: z
    .strictObject({
      'max-file-size': key(z.number().int().min(1), {
        description: 'largest uploaded file',
        type: 'bytes',
        default: UPLOADS.maxFileSize,
        otherwise: `${UPLOADS.maxFileSize / GIB} GiB`,
      }),
      'max-project-size': key(z.number().int().min(1), {
        description: 'all uploaded files of one project',
        type: 'bytes',
        default: UPLOADS.maxProjectSize,
        otherwise: `${UPLOADS.maxProjectSize / GIB} GiB`,
      }),
      'release-window-days': key(z.number().int().min(1), {
        description: 'days after which a release takes no further files (PyPI: 14)',
        type: 'days',
        otherwise: 'off',
      }),
    })
    .optional(),
  retention: z
    .strictObject({
      'upstream-versions': key(z.number().int().min(1), {
        description:
          'of each project of an upstream, the files of its newest versions stay stored, so many of them; older ones are fetched again when somebody asks. Never an uploaded file. See [operation](operation.md)',
        type: 'versions',
        otherwise: 'all',
      }),
      'grace-hours': key(z.number().min(1), {
        description: 'between finding that nothing refers to a blob and deleting it',
        type: 'hours, from 1',
        default: RETENTION.graceHours,
      }),
      'superseded-hours': key(z.number().min(24), {
        description: 'how long a page, or signed metadata, is kept after a newer one replaced it',
        type: 'hours, from 24',
        default: RETENTION.supersededHours,
      }),
      'every-hours': key(z.number().min(0), {
        description: 'how often a running server collects garbage by itself, as `waxseal gc` does; 0: never',
        type: 'hours',
        default: RETENTION.everyHours,
      }),
    })
    .optional(),
  sentinel: z
    .strictObject({
      'every-hours': key(z.number().min(0), {
        description:
          'how often a running server reads the lists of all projects of its upstreams, and tells of names there that concern its own; 0: never. See [operation](operation.md#the-sentinel)',
        type: 'hours',
        default: SENTINEL.everyHours,
      }),
      except: key(z.array(upstreamName), {
        description: 'upstreams whose lists are not read, for example since they have none',
        type: 'list of names of upstreams',
        otherwise: 'none',
      }),
    })
    .optional(),
  /** In the order in which an undecided name is looked for. */
  upstream: z.record(upstreamName, upstreamSchema).optional(),
  webhook: z.record(webhookName, webhookSchema).optional(),
})

/** A configuration file that is valid. */
export type ConfigValues = z.output<typeof configSchema>
/** One `[upstream.NAME]`. */
export type UpstreamValues = z.output<typeof upstreamSchema>
