import {
  ceremonyProgress,
  draftCeremony,
  draftFirstCeremony,
  finishCeremony,
  importSignatures,
  readMetadata,
  redateServerRoles,
  rowOf,
  signRequest,
  TrustError,
} from '@waxseal/trust'
import type {
  CeremonyProgress,
  CeremonyRequest,
  CeremonyResult,
  CeremonySignature,
  PublicKey,
  RepositoryState,
  SignerContext,
} from '@waxseal/trust'
import type { Transaction } from 'kysely'
import type { BlobStore } from '../blobs/blob-store.ts'
import { OPERATOR } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import { PUBLISH_FENCED_RETRIES } from '../limits.ts'
import { refuseBesideServer } from '../store/running-nodes.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordEvent } from '../telemetry/events.ts'
import { begun, CeremonyFolder } from './ceremony-folder.ts'
import type { PendingCeremony } from './ceremony-folder.ts'
import { ceremonyChanges, heldBy, rolesOfKey } from './ceremony-wishes.ts'
import type { CeremonyWishes } from './ceremony-wishes.ts'
import { ceremonyTurn } from './ceremony-turn.ts'
import { firstKeys, firstSettings, wishesOf } from './first-ceremony.ts'
import type { FirstWishes } from './first-ceremony.ts'
import { signIndex } from './initialise-signing.ts'
import { keySides, refuseMixedKeys } from './separate-keys.ts'
import { adoptNextKeys, dropNextKeys, makeNextKey } from './next-keys.ts'
import { inUse, keyIdsOf, sameKeys } from './keys-in-use.ts'
import type { KeysInUse } from './keys-in-use.ts'
import { makeOnlineKeys } from './online-keys.ts'
import type { SigningKeys } from './online-keys.ts'
import { isOvertaken, isSameRoot, overtaken } from './overtaken-ceremony.ts'
import type { Publisher } from './publisher.ts'
import { OFFLINE_KEYS, ONLINE_KEYS, roleTable } from './role-table.ts'
import type { OnlineKey } from './role-table.ts'
import type { SignedRepository } from './signed-repository.ts'

export interface CeremonyParts {
  readonly store: Store
  readonly blobs: Pick<BlobStore, 'get'>
  readonly clock: Clock
  readonly dataDir: string
  readonly keys: SigningKeys
  readonly publisher: Publisher
  /** Undefined while the index is not signed. */
  readonly openSigned: () => Promise<SignedRepository | undefined>
  readonly context: SignerContext
  /** Who does it, for the snapshot's row. */
  readonly by: string
}

/** What a holder carried back. */
export interface SignatureFile {
  /** What people are told of it. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** What a ceremony changes; an online key that is `new` is made beside the old one. */
export interface BegunWishes extends Omit<CeremonyWishes, 'online'> {
  readonly online?: ReadonlyMap<OnlineKey, PublicKey | 'new'>
}

/** How far a ceremony has come. */
export interface CeremonyState extends PendingCeremony {
  /** Of each group of keys; `server`: this index signs it by itself when the ceremony is published. */
  readonly progress: readonly (CeremonyProgress & { readonly server: boolean })[]
  /** Whether what it starts from holds no more: it can only be given up. */
  readonly overtaken: boolean
}

/** What a published ceremony brought out. */
export interface PublishedCeremony {
  /** Version of the root that holds now, and its file: what a holder compares next time. */
  readonly root: number
  readonly rootBytes: Uint8Array
  readonly snapshot: number
  /** Roles that were signed in it. */
  readonly roles: readonly string[]
  /** Online keys that were made beside the old ones and are in their place now. */
  readonly replaced: readonly OnlineKey[]
  /** Online keys that are others now, wherever the configuration says that they are. */
  readonly elsewhere: readonly OnlineKey[]
}

/**
 * Ceremonies of an index: people who hold its offline keys say together who signs, or sign anew what they signed. One at a time.
 * Everything is in files and in one transaction, so that whoever dies in between leaves what was before or what is after. Commands
 * beside each other take turns.
 */
export class Ceremonies {
  readonly #parts: CeremonyParts
  readonly #folder: CeremonyFolder

  constructor(parts: CeremonyParts) {
    this.#parts = parts
    this.#folder = new CeremonyFolder(parts.dataDir)
  }

  /**
   * Begins one on a signed index.
   * @throws IndexError `conflict` where one has begun, `not-found`, `not-allowed` for keys that nobody may have; TrustError `ceremony-invalid` where nothing would change
   */
  async begin({ online = new Map<OnlineKey, 'new'>(), ...wishes }: BegunWishes): Promise<CeremonyState> {
    using _turn = await this.#turn()
    const signed = await this.#signed()
    if (await this.#folder.exists()) throw begun()
    const state = await signed.state()
    await this.#adopt(state)
    const { clock, keys } = this.#parts
    const now = clock.now()
    try {
      const made = new Map<OnlineKey, PublicKey>()
      for (const [name, key] of online) made.set(name, key === 'new' ? await makeNextKey(keys, name) : key)
      const changes = ceremonyChanges(state, { ...wishes, online: made }, now)
      refuseMixedKeys(keySides(state), keySides(state, changes))
      await this.#folder.begin(await draftCeremony(state, changes, { now, load: signed.load }))
    } catch (error) {
      await dropNextKeys(keys)
      throw error
    }
    return await this.#state(await this.#pending())
  }

  /** Begins the first one of an index that nobody signs yet. @throws IndexError `conflict` where it is signed */
  async beginFirst(wishes: FirstWishes): Promise<CeremonyState> {
    const { dataDir, keys, clock, context, openSigned } = this.#parts
    using _turn = await this.#turn()
    if ((await openSigned()) !== undefined) throw new IndexError('conflict', 'This index is signed already.')
    if (await this.#folder.exists()) throw begun()
    const table = roleTable(wishes.size, firstSettings(wishes))
    const online = await makeOnlineKeys(dataDir, keys, context)
    refuseMixedKeys(
      { offline: [], online: [] },
      {
        offline: OFFLINE_KEYS.flatMap((name) => wishes[name].keys),
        online: ONLINE_KEYS.map((name) => online[name].key),
      },
    )
    const first = firstKeys(wishes, online)
    await this.#folder.begin(draftFirstCeremony(table, first.keys, clock.now()))
    return await this.#state(await this.#pending())
  }

  /**
   * Takes up a request that was begun, and perhaps published, before a backup was restored that does not know it: what was signed
   * of it holds.
   * @throws IndexError `conflict` where it starts from another root, or is out
   */
  async takeUp(request: CeremonyRequest): Promise<CeremonyState> {
    using _turn = await this.#turn()
    if (await this.#isOut(request)) {
      throw new IndexError('conflict', 'This ceremony is published already: go on with the next, if there was one.')
    }
    const state = await (await this.#parts.openSigned())?.state()
    if (!isSameRoot(state, request)) throw overtaken()
    await this.#folder.begin(request)
    return await this.#state(await this.#pending())
  }

  /** The one that has begun; undefined where there is none. @throws TrustError where its request was changed */
  async read(): Promise<CeremonyState | undefined> {
    const pending = await this.#folder.read()
    return pending && (await this.#state(pending))
  }

  /**
   * Takes in what holders signed: all files, or none. `known`: those that hold nothing but what was in already.
   * @throws TrustError `ceremony-invalid`
   */
  async add(files: readonly SignatureFile[]): Promise<CeremonyState & { readonly known: readonly string[] }> {
    using _turn = await this.#turn()
    const { request, signatures } = await this.#pending()
    let collected = signatures
    const known: string[] = []
    const added: Uint8Array[] = []
    for (const { name, bytes } of files) {
      const before = collected.length
      collected = importFile(request, collected, name, bytes)
      if (collected.length === before) known.push(name)
      else added.push(bytes)
    }
    for (const bytes of added) await this.#folder.add(bytes)
    return { ...(await this.#state(await this.#pending())), known }
  }

  /**
   * Publishes it, once enough have signed: all of it in one snapshot. One that is out already is ended.
   * @throws TrustError `threshold-not-met`, `expired`; IndexError `conflict` where another overtook it
   */
  async publish(): Promise<PublishedCeremony> {
    using _turn = await this.#turn()
    const pending = await this.#pending()
    const { request } = pending
    const before = await (await this.#parts.openSigned())?.state()
    if (!(await this.#isOut(request))) {
      if (!isOvertaken(before, request)) requireEnough(await this.#progressOf(request, pending.signatures))
      if (request.root === undefined) await this.#publishFirst(pending)
      else await this.#publishNext(pending)
    }
    const { root, snapshot, ...state } = await (await this.#signed()).state()
    const replaced = await this.#adopt({ root, snapshot, ...state })
    await this.#folder.end()
    const changed = ONLINE_KEYS.filter(
      (name) => before !== undefined && !sameKeys(name, before, { root, snapshot, ...state }),
    )
    return {
      root: root.signed.version,
      rootBytes: root.bytes,
      snapshot: snapshot.version,
      roles: request.documents.map(({ role }) => role),
      replaced,
      elsewhere: changed.filter((name) => !replaced.includes(name)),
    }
  }

  /** Gives it up. @throws IndexError `not-found` where there is none, `conflict` where it is out already */
  async abandon(): Promise<void> {
    using _turn = await this.#turn()
    if (!(await this.#folder.exists())) throw none()
    const { openSigned, keys } = this.#parts
    const signed = await openSigned()
    if (signed !== undefined) {
      if (await this.#isRequestOut()) {
        throw new IndexError(
          'conflict',
          'This ceremony is published already, and cannot be given up: waxseal ceremony publish ends it.',
        )
      }
      await this.#adopt(await signed.state())
    }
    await this.#folder.end()
    await dropNextKeys(keys)
  }

  /** Who signs now. @throws IndexError `not-found` where nobody does */
  async keysInUse(): Promise<readonly KeysInUse[]> {
    const state = await (await this.#signed()).state()
    return [
      ...OFFLINE_KEYS.map((name) => inUse(state, name, heldBy(state, name))),
      ...ONLINE_KEYS.map((name) => inUse(state, name, rolesOfKey(state.layout.table, name))),
    ]
  }

  async #publishNext({ request, signatures }: PendingCeremony): Promise<void> {
    const { clock, publisher } = this.#parts
    const now = clock.now()
    const signed = await this.#signed()
    for (let tried = 1; ; tried += 1) {
      const state = await signed.state()
      if (isOvertaken(state, request)) throw overtaken()
      try {
        const dated = await redateServerRoles(request, state, { now, load: signed.load })
        const all = await this.#withServer(dated, signatures)
        const result = finishCeremony(dated, all, now)
        const versions = new Map(dated.documents.map(({ role, signed: { version } }) => [role, version]))
        const renumber = (role: string): number | undefined => versions.get(role)
        await publisher.bringOut({ ...result, renumber }, (tx, snapshot) => this.#record(tx, request, all, snapshot))
        return
      } catch (error) {
        const code = error instanceof TrustError || error instanceof IndexError ? error.code : undefined
        // A server beside this has just renewed a role of its own.
        if (code === 'publish-fenced' && tried < PUBLISH_FENCED_RETRIES) continue
        throw code === 'version-mismatch' ? overtaken(error) : error
      }
    }
  }

  async #publishFirst({ request, signatures }: PendingCeremony): Promise<void> {
    const { store, blobs, clock, dataDir, keys, context, by } = this.#parts
    const result = finishCeremony(request, signatures, clock.now())
    // One that runs would go on to publish what nobody signs.
    await refuseBesideServer(store.db, clock)
    const wishes = wishesOf(request)
    const first = firstKeys(wishes, await makeOnlineKeys(dataDir, keys, context))
    const signed = filesOf(result)
    await signIndex(
      { store, blobs, clock, publisher: by },
      firstSettings(wishes),
      { ...first, signed },
      (tx, snapshot) => this.#record(tx, request, signatures, snapshot),
    )
  }

  async #record(
    tx: Transaction<Database>,
    { documents, root }: CeremonyRequest,
    signatures: readonly CeremonySignature[],
    snapshot: number,
  ): Promise<void> {
    const next = documents.find(({ kind }) => kind === 'root')?.signed.version
    await recordEvent(tx, {
      kind: 'ceremony-published',
      at: isoTime(this.#parts.clock),
      actor: OPERATOR.name,
      project: null,
      detail: {
        root: next ?? root?.signed.version ?? 0,
        snapshot,
        roles: documents.map(({ role }) => role),
        signed: [...new Set(signatures.map(({ keyid }) => keyid))],
      },
    })
  }

  /** With the signatures of those roles that a server signs, and that say who signs others: `select` of its shards. */
  async #withServer(
    request: CeremonyRequest,
    signatures: readonly CeremonySignature[],
  ): Promise<readonly CeremonySignature[]> {
    const open = (await this.#progressOf(request, signatures)).flatMap((one) => (one.server ? one.open : []))
    if (open.length === 0) return signatures
    const signers = await (await this.#signed()).signers()
    let all = signatures
    for (const keyid of new Set(open)) {
      const signer = signers.get(keyid)
      if (signer !== undefined) all = importSignatures(request, all, await signRequest(request, signer))
    }
    return all
  }

  /** Whether the request that lies there is published; of one that cannot be read nothing is. */
  async #isRequestOut(): Promise<boolean> {
    try {
      const pending = await this.#folder.read()
      return pending !== undefined && (await this.#isOut(pending.request))
    } catch (error) {
      if (error instanceof TrustError) return false
      throw error
    }
  }

  /** By what people signed: roles of the server may have been renewed since, and were dated when it came out. */
  async #isOut({ documents }: CeremonyRequest): Promise<boolean> {
    const signed = await this.#parts.openSigned()
    if (signed === undefined) return false
    const { layout } = await signed.state()
    for (const { role, kind, signed: wanted, signedBytes } of documents) {
      if (rowOf(layout, role)?.online === true) continue
      const stored = await signed.load(role, wanted.version)
      if (stored === undefined || Buffer.compare(readMetadata(kind, stored).signedBytes, signedBytes) !== 0)
        return false
    }
    return true
  }

  async #state(pending: PendingCeremony): Promise<CeremonyState> {
    const { request, signatures } = pending
    const state = await (await this.#parts.openSigned())?.state()
    return {
      ...pending,
      progress: await this.#progressOf(request, signatures),
      overtaken: isOvertaken(state, request) && !(await this.#isOut(request)),
    }
  }

  async #progressOf(
    request: CeremonyRequest,
    signatures: readonly CeremonySignature[],
  ): Promise<CeremonyState['progress']> {
    const layout = (await (await this.#parts.openSigned())?.state())?.layout
    return ceremonyProgress(request, signatures).map((one) => ({
      ...one,
      server: layout !== undefined && rowOf(layout, one.role)?.online === true,
    }))
  }

  /** Puts new keys in their places that are trusted now; their names. */
  async #adopt(state: RepositoryState): Promise<readonly OnlineKey[]> {
    return await adoptNextKeys(this.#parts.keys, (name, keyid) => keyIdsOf(name, state).includes(keyid))
  }

  async #turn(): Promise<Disposable> {
    return await ceremonyTurn(this.#parts.dataDir)
  }

  async #pending(): Promise<PendingCeremony> {
    const pending = await this.#folder.read()
    if (pending === undefined) throw none()
    return pending
  }

  async #signed(): Promise<SignedRepository> {
    const signed = await this.#parts.openSigned()
    if (signed !== undefined) return signed
    throw new IndexError('not-found', 'This index is not signed yet: begin with waxseal ceremony begin --first.')
  }
}

function importFile(
  request: CeremonyRequest,
  collected: readonly CeremonySignature[],
  name: string,
  bytes: Uint8Array,
): readonly CeremonySignature[] {
  try {
    return importSignatures(request, collected, bytes)
  } catch (error) {
    throw error instanceof TrustError
      ? new TrustError(error.code, `${name}: ${error.message}`, { cause: error })
      : error
  }
}

/** Whoever publishes too early is told what is missing, and where to look. @throws TrustError `threshold-not-met` */
function requireEnough(progress: CeremonyState['progress']): void {
  const [first, ...others] = progress.filter(({ server, signed, threshold }) => !server && signed.length < threshold)
  if (first === undefined) return
  const more = others.length === 0 ? '' : `, and ${others.length} more are short of theirs`
  throw new TrustError(
    'threshold-not-met',
    `Not enough have signed yet: ${first.words} has ${first.signed.length} of ${first.threshold} signatures${more}. Who may still sign: waxseal ceremony show.`,
  )
}

function filesOf({ root, signed }: CeremonyResult): ReadonlyMap<string, Uint8Array> {
  const files = new Map(signed.map(({ role, bytes }) => [role, bytes]))
  return root === undefined ? files : files.set('root', root)
}

function none(): IndexError {
  return new IndexError('not-found', 'No ceremony has begun: waxseal ceremony begin.')
}
