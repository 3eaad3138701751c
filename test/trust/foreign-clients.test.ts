import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import type { CeremonySignature } from '../../packages/trust/src/index.ts'
import {
  draftCeremony,
  finishCeremony,
  generatePrivateKey,
  importSignatures,
  keySigner,
  signRequest,
} from '../../packages/trust/src/index.ts'
import { writeMetadata } from '../../packages/trust/src/write-metadata.ts'
import { FOREIGN_VERIFIERS } from './foreign-verifiers.ts'
import type { ForeignVerifier, VerifyAnswer } from './foreign-verifiers.ts'
import { StaticRepository } from './static-repository.ts'

const PAGE = Buffer.from('{"name":"acme"}')
const PATH = 'simple/acme/index.json'
const DAY = 86_400_000
const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A repository with a page, and a verifier that trusts its first root and keeps what it learns. */
async function scene(verifier: ForeignVerifier, parts: AsyncDisposableStack) {
  const folder = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-static-'))).path
  const cache = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-foreign-'))).path
  const repository = parts.use(await StaticRepository.create(folder))
  const put = async (bytes: Buffer): Promise<void> => {
    const sha256 = sha256Of(bytes)
    const place = join(folder, 'targets', 'simple', 'acme', `${sha256}.index.json`)
    await mkdir(dirname(place), { recursive: true })
    await writeFile(place, bytes)
    await repository.publish({ targets: [{ role: 'bins', path: PATH, target: { length: bytes.length, sha256 } }] })
  }
  await put(PAGE)
  const root = join(cache, 'trusted-root.json')
  await writeFile(root, await repository.read('1.root.json'))
  const look = (targets: readonly string[] = [PATH], now: number | null = null): Promise<VerifyAnswer> =>
    verifier.verify({
      metadata_url: repository.url,
      targets_url: `${repository.url}targets/`,
      cache,
      root,
      targets,
      download: cache,
      now: now === null ? null : new Date(now).toISOString().replace('Z', '+00:00'),
    })
  return { repository, folder, cache, root, put, look }
}

function found(answer: VerifyAnswer): Extract<VerifyAnswer, { ok: true }>['targets'] {
  if (!answer.ok) throw new Error(`${answer.error}: ${answer.message}`)
  return answer.targets
}

/** Refused for this, and not because something could not be fetched. */
function assertRefused(answer: VerifyAnswer, error: RegExp): void {
  assert.ok(!answer.ok, 'it is taken')
  assert.match(`${answer.error}: ${answer.message}`, error)
}

/** A snapshot and a timestamp over it, both rightly signed, in which a role's file is another one. */
async function listInstead(repository: StaticRepository, role: string, bytes: Uint8Array): Promise<void> {
  const server = repository.signers.get('server')
  assert.ok(server)
  type Meta = { readonly version: number; readonly length?: number; readonly hashes?: { readonly sha256: string } }
  type Document = { version: number; meta: Record<string, Meta> }
  const read = async (name: string): Promise<Document> =>
    (JSON.parse((await repository.read(name)).toString()) as { signed: Document }).signed
  const described = (version: number, file: Uint8Array) => ({
    version,
    length: file.length,
    hashes: { sha256: sha256Of(file) },
  })
  const timestamp = await read('timestamp.json')
  const snapshot = await read(`${repository.state.snapshot.version}.snapshot.json`)
  const version = snapshot.version + 1
  const meta = { ...snapshot.meta, [`${role}.json`]: described(1, bytes) }
  const listed = await writeMetadata({ ...snapshot, version, meta }, [server])
  await repository.replace(`1.${role}.json`, bytes)
  await repository.replace(`${version}.snapshot.json`, listed)
  const newest = { ...timestamp, version: timestamp.version + 1, meta: { 'snapshot.json': described(version, listed) } }
  await repository.replace('timestamp.json', await writeMetadata(newest, [server]))
}

/** As python-tuf and tuf-js call it. */
const ROLLED_BACK = /^BadVersion(?:Number)?Error/
const WRONGLY_SIGNED = /^UnsignedMetadataError|^RuntimeError: .*p\.acme was signed by 1\/2 keys/
const OTHER_BYTES = /^LengthOrHashMismatchError/
const EXPIRED = /^ExpiredMetadataError/

for (const verifier of FOREIGN_VERIFIERS) {
  describe(`what our writer signs, by ${verifier.name}`, { skip: verifier.absent ?? false }, () => {
    it('has a page in its bin, and says of others that there are none', async () => {
      await using parts = new AsyncDisposableStack()
      const { look, cache } = await scene(verifier, parts)
      const targets = found(await look([PATH, 'simple/other/index.json']))
      assert.deepEqual(targets, {
        [PATH]: { length: PAGE.length, sha256: sha256Of(PAGE) },
        'simple/other/index.json': null,
      })
      assert.deepEqual(await readFile(join(cache, encodeURIComponent(PATH))), PAGE)
    })

    it('refuses a page with other bytes (ARB-1), other metadata (ARB-2) and an older timestamp (RB-TS)', async () => {
      await using parts = new AsyncDisposableStack()
      const { repository, folder, put, look } = await scene(verifier, parts)
      const before = await repository.read('timestamp.json')
      const other = Buffer.from('{"name":"acme","versions":[]}')
      await put(other)
      found(await look())
      await repository.replace('timestamp.json', before)
      assertRefused(await look(), ROLLED_BACK)
      await repository.publish({})
      const now = (await repository.read('timestamp.json')).toString()
      const changed = now.replace(
        /"version":(\d+),"x-issued"/,
        (_, version) => `"version":${Number(version) + 1},"x-issued"`,
      )
      assert.notEqual(changed, now)
      await repository.replace('timestamp.json', Buffer.from(changed))
      assertRefused(await look(), WRONGLY_SIGNED)
      await repository.replace('timestamp.json', Buffer.from(now))
      await put(PAGE)
      const page = join(folder, 'targets', 'simple', 'acme', `${sha256Of(PAGE)}.index.json`)
      await writeFile(page, PAGE.toString().replace('acme', 'evil'))
      assertRefused(await look(), OTHER_BYTES)
      await writeFile(page, PAGE)
      found(await look())
    })

    it('refuses a foreign repository in the place of the trusted one (MM-2)', async () => {
      await using parts = new AsyncDisposableStack()
      const trusted = await scene(verifier, parts)
      const foreign = await scene(verifier, parts)
      await writeFile(foreign.root, await trusted.repository.read('1.root.json'))
      assertRefused(await foreign.look(), WRONGLY_SIGNED)
    })

    it('refuses what has expired (FZ-TS)', async () => {
      await using parts = new AsyncDisposableStack()
      const { look } = await scene(verifier, parts)
      assertRefused(await look([PATH], Date.now() + 2 * DAY), EXPIRED)
      assert.equal((await look([PATH], Date.now() + DAY / 2)).ok, true)
    })

    it('follows two of three holders who replace the third, and refuses what one of them signs (KC-7)', async () => {
      await using parts = new AsyncDisposableStack()
      const { repository, look } = await scene(verifier, parts)
      found(await look())
      const [anna, ben, cleo] = ['anna', 'ben', 'cleo'].map((name) => repository.signers.get(name))
      assert.ok(anna && ben && cleo)
      const dora = keySigner(generatePrivateKey())
      const load = (role: string, version: number): Promise<Buffer> => repository.read(`${version}.${role}.json`)
      const changes = { replaceKeys: new Map([[cleo.key.keyid, dora.key]]) }
      const request = await draftCeremony(repository.state, changes, { now: Date.now(), load })
      let collected: readonly CeremonySignature[] = []
      for (const signer of [anna, ben]) {
        collected = importSignatures(request, collected, await signRequest(request, signer))
      }
      await repository.publish(finishCeremony(request, collected, Date.now()))
      const answer = await look()
      assert.ok(answer.ok)
      if (answer.versions !== undefined) assert.equal(answer.versions['root'], 2)
      const forged = JSON.parse((await repository.read('2.root.json')).toString()) as {
        signed: Record<string, unknown>
      }
      const signed = { ...forged.signed, version: 3 } as Parameters<typeof writeMetadata>[0]
      await repository.replace('3.root.json', await writeMetadata(signed, [anna]))
      assertRefused(await look(), WRONGLY_SIGNED)
    })

    it('finds a file of a project under the keys of its developers, and no other way (KC-4)', async () => {
      await using parts = new AsyncDisposableStack()
      const { repository, folder, look } = await scene(verifier, parts)
      const developers = [keySigner(generatePrivateKey()), keySigner(generatePrivateKey())]
      const file = Buffer.from('a wheel')
      const path = 'projects/3f/acme/acme-1.0-py3-none-any.whl'
      const place = join(folder, 'targets', 'projects', '3f', 'acme', `${sha256Of(file)}.acme-1.0-py3-none-any.whl`)
      await mkdir(dirname(place), { recursive: true })
      await writeFile(place, file)
      const document = {
        _type: 'targets',
        spec_version: '1.0.34',
        version: 1,
        expires: new Date(Date.now() + 30 * DAY).toISOString().replace(/\.\d+/, ''),
        targets: { [path]: { length: file.length, hashes: { sha256: sha256Of(file) } } },
      }
      const delegation = {
        keys: developers.map(({ key }) => key),
        threshold: 2,
        paths: ['projects/3f/acme/*'],
        terminating: true,
      }
      const delegations = [{ delegator: 'claimed-3f', name: 'p.acme', delegation }]
      const bySome = await writeMetadata(document, developers.slice(0, 1))
      const early = { delegations, signed: [{ role: 'p.acme', delegator: 'claimed-3f', bytes: bySome }] }
      await assert.rejects(repository.publish(early), { code: 'threshold-not-met' })
      const bytes = await writeMetadata(document, developers)
      await repository.publish({ delegations, signed: [{ role: 'p.acme', delegator: 'claimed-3f', bytes }] })
      assert.deepEqual(found(await look([path, PATH])), {
        [path]: { length: file.length, sha256: sha256Of(file) },
        [PATH]: { length: PAGE.length, sha256: sha256Of(PAGE) },
      })
      // A server that lists what too few of them have signed is of no use.
      await listInstead(repository, 'p.acme', bySome)
      assertRefused(await look([path]), WRONGLY_SIGNED)
    })
  })
}
