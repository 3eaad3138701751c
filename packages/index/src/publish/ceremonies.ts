import { importSignatures, targetDifferences, TrustError } from '@waxseal/trust'
import type { CeremonyRequest, CeremonySignature, RepositoryState } from '@waxseal/trust'
import { IndexError } from '../error.ts'
import { draftFirst, draftNext } from './begin-ceremony.ts'
import type { BegunWishes } from './begin-ceremony.ts'
import { begun, CeremonyFolder } from './ceremony-folder.ts'
import type { PendingCeremony } from './ceremony-folder.ts'
import type { CeremonyParts } from './ceremony-parts.ts'
import { isOut, progressOf, requireEnough, stateOf } from './ceremony-progress.ts'
import type { CeremonyState } from './ceremony-progress.ts'
import { ceremonyTurn } from './ceremony-turn.ts'
import { heldBy, rolesOfKey } from './ceremony-wishes.ts'
import type { FirstWishes } from './first-ceremony.ts'
import { inUse, keyIdsOf, sameKeys } from './keys-in-use.ts'
import type { KeysInUse } from './keys-in-use.ts'
import { adoptNextKeys, dropNextKeys } from './next-keys.ts'
import { isOvertaken, isSameRoot, overtaken } from './overtaken-ceremony.ts'
import { publishFirst, publishNext } from './publish-ceremony.ts'
import { OFFLINE_KEYS, ONLINE_KEYS } from './role-table.ts'
import type { OnlineKey } from './role-table.ts'
import type { SignedRepository } from './signed-repository.ts'

/** What a holder carried back. */
export interface SignatureFile {
  /** What people are told of it. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** What a published ceremony brought out. */
export interface PublishedCeremony {
  /** Version of the root that holds now, and its file: what a holder compares next time. */
  readonly root: number
  readonly rootBytes: Uint8Array
  readonly snapshot: number
  /** Roles that were signed in it. */
  readonly roles: readonly string[]
  /** Paths of targets that it changes: what was sealed. */
  readonly targets: readonly string[]
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
  async begin(wishes: BegunWishes): Promise<CeremonyState> {
    using _turn = await this.#turn()
    const signed = await this.#signed()
    if (await this.#folder.exists()) throw begun()
    await this.#adopt(await signed.state())
    try {
      await this.#folder.begin(await draftNext(this.#parts, signed, wishes))
    } catch (error) {
      await dropNextKeys(this.#parts.keys)
      throw error
    }
    return await this.#state(await this.#pending())
  }

  /** Begins the first one of an index that nobody signs yet. @throws IndexError `conflict` where it is signed */
  async beginFirst(wishes: FirstWishes): Promise<CeremonyState> {
    using _turn = await this.#turn()
    if ((await this.#parts.openSigned()) !== undefined) {
      throw new IndexError('conflict', 'This index is signed already.')
    }
    if (await this.#folder.exists()) throw begun()
    await this.#folder.begin(await draftFirst(this.#parts, wishes))
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
    const signed = await this.#parts.openSigned()
    const before = await signed?.state()
    if (!(await isOut(signed, request))) {
      if (!isOvertaken(before, request)) requireEnough(await progressOf(signed, pending))
      if (request.root === undefined) await publishFirst(this.#parts, pending)
      else await publishNext(this.#parts, await this.#signed(), pending)
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
      targets: targetDifferences(request).map(({ path }) => path),
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

  async #isOut(request: CeremonyRequest): Promise<boolean> {
    return await isOut(await this.#parts.openSigned(), request)
  }

  async #state(pending: PendingCeremony): Promise<CeremonyState> {
    return await stateOf(await this.#parts.openSigned(), pending)
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

function none(): IndexError {
  return new IndexError('not-found', 'No ceremony has begun: waxseal ceremony begin.')
}
