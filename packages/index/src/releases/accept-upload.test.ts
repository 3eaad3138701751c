import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { OPERATOR } from '../access/actor.ts'
import { createUser } from '../access/users.ts'
import { recordClaim } from '../names/claim.ts'
import { addMember, removeMember } from '../register/change-members.ts'
import { AS_OPERATOR } from '../register/members.ts'
import type { ProjectRow } from '../store/schema.ts'
import { deleteFile, deleteProject, setProjectStatus, yankRelease } from './lifecycle.ts'
import { FIXTURE_POLICY, sdistFixture, wheelFixture } from './upload-fixture.ts'
import { administrator, code, member, withIndex } from './testing/upload-index.ts'
import type { UploadIndex } from './testing/upload-index.ts'
import type { Uploader } from './upload-name.ts'

const DAY = 86_400_000
test('an accepted wheel is stored with its own METADATA beside it, and the name is claimed by a decision', () =>
  withIndex(async (index) => {
    const wheel = wheelFixture({ name: 'Demo', headers: ['Requires-Python: >=3.9', 'Requires-Dist: six'] })
    assert.deepEqual(await index.upload(wheel), { kind: 'accepted', seq: 1, project: 'demo' })

    const file = await index.store.db.selectFrom('file').selectAll().executeTakeFirstOrThrow()
    assert.equal(file.sha256, createHash('sha256').update(wheel.bytes).digest('hex'))
    assert.equal(file.md5, createHash('md5').update(wheel.bytes).digest('hex'))
    assert.equal(file.size, wheel.bytes.length)
    assert.equal(file.requires_python, '>=3.9')
    assert.equal(file.upload_time, '2026-11-22T12:00:00Z')
    assert.equal(file.admitted_at, '2026-11-22T12:00:00.000Z')
    assert.equal(file.uploaded_by, 'ada')
    assert.equal(file.has_metadata, 1)
    assert.equal((await index.blobs.head(file.sha256))?.size, wheel.bytes.length)

    const sidecar = await index.blobs.get(file.metadata_sha256 ?? '')
    assert.ok(sidecar)
    const text = Buffer.concat(await Array.fromAsync(sidecar.stream())).toString()
    assert.ok(Buffer.from(wheel.bytes).includes(text), 'byte for byte what stands in the wheel')

    const project = await index.store.db.selectFrom('project').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual([project.name, project.display_name, project.authority], ['demo', 'Demo', 'internal'])
    const decision = await index.store.db.selectFrom('decision').selectAll().executeTakeFirstOrThrow()
    assert.equal(decision.body, '{"kind":"claim","by":"upload","evidence":["pypi: 404"]}')
    const release = await index.store.db.selectFrom('release').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual(JSON.parse(release.metadata).requiresDist, ['six'])
  }))

test('the same file once more is identical and changes nothing', () =>
  withIndex(async (index) => {
    const wheel = wheelFixture()
    await index.upload(wheel)
    assert.deepEqual(await index.upload(wheel), { kind: 'identical', project: 'demo' })
    assert.equal((await index.store.db.selectFrom('journal').selectAll().execute()).length, 1)
  }))

test('a re-upload brings back what the blob store has lost: the file and its METADATA', () =>
  withIndex(async (index) => {
    const wheel = wheelFixture()
    await index.upload(wheel)
    const { sha256, metadata_sha256: metadata } = await index.store.db
      .selectFrom('file')
      .selectAll()
      .executeTakeFirstOrThrow()
    const bytesOf = async (digest: string | null): Promise<Buffer> => {
      const blob = await index.blobs.get(digest ?? '')
      assert.ok(blob, `${digest} is stored`)
      return Buffer.concat(await Array.fromAsync(blob.stream()))
    }
    const sidecar = await bytesOf(metadata)
    for (const lost of [[sha256], [metadata], [sha256, metadata]]) {
      for (const digest of lost) await index.blobs.delete(digest ?? '')
      assert.deepEqual(await index.upload(wheel), { kind: 'identical', project: 'demo' })
      assert.deepEqual([await bytesOf(sha256), await bytesOf(metadata)], [Buffer.from(wheel.bytes), sidecar])
    }
    assert.equal((await index.store.db.selectFrom('journal').selectAll().execute()).length, 1)
  }))

test('other bytes under a name that exists, and existing bytes under another name, already exist', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    const other = await index.upload(wheelFixture({ code: 'x = 2\n' }))
    assert.equal(code(other), 'upload-file-exists')
    assert.match(
      other.kind === 'refused' ? other.message : '',
      /^File already exists \('demo-1\.0-py3-none-any\.whl', with blake2_256 hash '[0-9a-f]{64}'\)\.$/,
    )
    const renamed = await index.upload({ ...wheelFixture(), filename: 'demo-1.0-1-py3-none-any.whl' })
    assert.equal(code(renamed), 'upload-identical-content')
    assert.match(renamed.kind === 'refused' ? renamed.message : '', /^File already exists/)
  }))

test('NAME-CASE: a name that differs in case is the same name', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    assert.equal(
      code(await index.upload({ ...wheelFixture(), filename: 'Demo-1.0-py3-none-any.whl' })),
      'upload-file-exists',
    )
  }))

test('NAME-REUSE: the name of a deleted file is burned for ever, for the same bytes too', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    await deleteFile(index.store, index.clock, {
      project: 'demo',
      filename: 'demo-1.0-py3-none-any.whl',
      ...AS_OPERATOR,
    })
    for (const wheel of [wheelFixture(), wheelFixture({ code: 'x = 2\n' })]) {
      assert.deepEqual(await index.upload(wheel), {
        kind: 'refused',
        code: 'upload-filename-burned',
        message: 'This filename was previously used by a file that has since been deleted. Use a different version.',
      })
    }
  }))

test('DEL-INT: after a project is deleted its name is still ours: uploads go on without asking upstream', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    await deleteProject(index.store, index.clock, { project: 'demo', ...AS_OPERATOR })
    index.asked.length = 0
    index.presenceAnswer = { kind: 'present', upstream: 'pypi' }
    assert.equal(code(await index.upload(wheelFixture({ version: '2.0' }))), 'accepted')
    assert.deepEqual(index.asked, [])
  }))

test('versions that are equal are one release, with one sdist, and the first file’s metadata stays', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture({ version: '1.0', headers: ['Summary: first'] }))
    assert.equal(code(await index.upload(sdistFixture({ version: '1.0.0', headers: ['Summary: second'] }))), 'accepted')
    assert.deepEqual(await index.upload(sdistFixture({ version: '1', code: 'y = 1\n' })), {
      kind: 'refused',
      code: 'upload-second-sdist',
      message: 'Only one sdist may be uploaded per release.',
    })
    const releases = await index.store.db.selectFrom('release').selectAll().execute()
    assert.deepEqual(
      releases.map(({ version, metadata }) => [version, JSON.parse(metadata).summary]),
      [['1.0', 'first']],
    )
  }))

test('a file that joins a yanked release is yanked too', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    await yankRelease(index.store, index.clock, { project: 'demo', version: '1.0', reason: 'broken', ...AS_OPERATOR })
    await index.upload(sdistFixture())
    const rows = await index.store.db.selectFrom('file').select(['yanked', 'yanked_reason']).execute()
    assert.deepEqual(
      rows.map((row) => [row.yanked, row.yanked_reason]),
      [
        [1, 'broken'],
        [1, 'broken'],
      ],
    )
  }))

test('UPS-OPEN: where a window is set, an old release takes no further files, but an identical one passes', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    index.at += 15 * DAY
    index.policy = { ...FIXTURE_POLICY, releaseWindowDays: 14 }
    assert.deepEqual(await index.upload(sdistFixture()), {
      kind: 'refused',
      code: 'upload-release-closed',
      message: 'Uploading new files to releases older than 14 days is not allowed.',
    })
    assert.equal((await index.upload(wheelFixture())).kind, 'identical')
    index.policy = FIXTURE_POLICY
    assert.equal(code(await index.upload(sdistFixture())), 'accepted')
  }))

test('sizes are limited for a file and for a project', () =>
  withIndex(async (index) => {
    index.policy = { ...FIXTURE_POLICY, maxFileSize: 100 }
    assert.deepEqual(await index.upload(wheelFixture()), {
      kind: 'refused',
      code: 'upload-too-large',
      message: "File too large. Limit for project 'demo' is 100 bytes.",
    })
    index.policy = { ...FIXTURE_POLICY, maxProjectSize: 1024 }
    await index.upload(sdistFixture())
    assert.deepEqual(await index.upload(wheelFixture()), {
      kind: 'refused',
      code: 'upload-project-too-large',
      message: "Project size too large. Limit for project 'demo' total size is 1 KB.",
    })
  }))

test('a digest that is not that of the bytes is refused', () =>
  withIndex(async (index) => {
    for (const field of ['sha256_digest', 'blake2_256_digest', 'md5_digest']) {
      assert.deepEqual(await index.upload(wheelFixture({ form: { [field]: 'a'.repeat(64) } })), {
        kind: 'refused',
        code: 'upload-digest-mismatch',
        message: 'The digest supplied does not match a digest calculated from the uploaded file.',
      })
    }
  }))

test('EXD-3: the metadata in the file has to say what the form says', () =>
  withIndex(async (index) => {
    const wheel = wheelFixture({ headers: ['Requires-Dist: evil'], form: { requires_dist: undefined } })
    assert.deepEqual(await index.upload(wheel), {
      kind: 'refused',
      code: 'upload-metadata-mismatch',
      message: 'Invalid distribution file. The metadata in the file and the upload form disagree about: requires-dist.',
    })
    assert.equal(
      code(await index.upload(sdistFixture({ headers: ['Requires-Python: >=3'], form: { requires_python: '>=2' } }))),
      'upload-metadata-mismatch',
    )
  }))

test('EXD-6: a direct dependency in the file is refused although the form hides it', () =>
  withIndex(async (index) => {
    const wheel = wheelFixture({
      headers: ['Requires-Dist: evil @ https://evil.example/e.whl'],
      form: { requires_dist: undefined },
    })
    assert.equal(code(await index.upload(wheel)), 'upload-metadata-invalid')
  }))

test('metadata that build tools write in their own way, and uploaders repair, is accepted', () =>
  withIndex(async (index) => {
    // setuptools wrote License-File long before there was such a field, and twine leaves it out of the form; flit adds Provides.
    const wheel = wheelFixture({
      headers: ['License-File: LICENSE', 'Summary: x'],
      form: { license_file: undefined, summary: undefined, provides: 'demo' },
    })
    assert.equal(code(await index.upload(wheel)), 'accepted')
    const extras = ['Provides-Extra: net', 'Requires-Dist: six; extra == "net"']
    const poetry = wheelFixture({ version: '2.0', headers: extras, form: { provides_extra: undefined } })
    assert.equal(code(await index.upload(poetry)), 'accepted')
    const lying = wheelFixture({ version: '3.0', headers: extras, form: { provides_extra: 'other' } })
    assert.equal(code(await index.upload(lying)), 'upload-metadata-mismatch')
  }))

test('WSI-2, FN-AMB: a file of another project or version is refused', () =>
  withIndex(async (index) => {
    for (const wheel of [
      wheelFixture({ metadataName: 'other' }),
      wheelFixture({ metadataVersion: '2.0' }),
      wheelFixture({ metadataVersion: '1.0.0' }),
    ]) {
      const outcome = await index.upload(wheel)
      assert.equal(outcome.kind, 'refused')
      assert.match(outcome.kind === 'refused' ? outcome.message : '', /^Invalid distribution file\. /)
    }
    assert.deepEqual(await index.store.db.selectFrom('project').selectAll().execute(), [])
  }))

test('REC-HASH: a RECORD with a wrong hash or a missing file is refused', () =>
  withIndex(async (index) => {
    const damages: readonly ((record: string) => string)[] = [
      (record) => record.replace(/sha256=...../, 'sha256=AAAAA'),
      (record) => record.split('\n').slice(1).join('\n'),
      () => 'no record at all',
    ]
    for (const record of damages) {
      const outcome = await index.upload(wheelFixture({ record }))
      assert.ok(
        outcome.kind === 'refused' && /^upload-(?:record-mismatch|archive-invalid)$/.test(outcome.code),
        JSON.stringify(outcome),
      )
    }
  }))

test('what is no archive is refused, and claims no name', () =>
  withIndex(async (index) => {
    for (const { filename, fields } of [
      wheelFixture({ form: { sha256_digest: undefined, md5_digest: '9aa461e1eca4086f9230aa49c90b0c61' } }),
    ]) {
      const outcome = await index.upload({ filename, fields, bytes: Buffer.from('this is no archive') })
      assert.equal(outcome.kind, 'refused')
    }
    assert.deepEqual(await index.store.db.selectFrom('project').selectAll().execute(), [])
  }))

test('truth table row 10: nobody uploads to a name that belongs to an upstream', () =>
  withIndex(async (index) => {
    await index.store.transaction((tx) =>
      tx
        .insertInto('project')
        .values({
          name: 'demo',
          display_name: 'demo',
          authority: 'upstream',
          upstream: 'pypi',
          rev: 0,
          status: 'active',
          status_reason: null,
          created_at: '',
        })
        .execute(),
    )
    for (const uploader of [member, administrator])
      assert.equal(code(await index.upload(wheelFixture(), uploader)), 'name-upstream')
  }))

test('DC-1: a name that exists upstream is not claimed by an upload, and neither is one nobody could ask about', () =>
  withIndex(async (index) => {
    index.presenceAnswer = { kind: 'present', upstream: 'pypi' }
    assert.equal(code(await index.upload(wheelFixture())), 'name-upstream')
    index.presenceAnswer = { kind: 'unknown', upstream: 'pypi', reason: '503' }
    assert.equal(code(await index.upload(wheelFixture())), 'name-claim-unverified')
    assert.deepEqual(await index.store.db.selectFrom('project').selectAll().execute(), [])
  }))

test('DC-11, DC-15, DC-19: names under a prefix and administrators’ names are claimed without asking upstream', () =>
  withIndex(async (index) => {
    assert.equal(code(await index.upload(wheelFixture({ name: 'corp-new' }))), 'accepted')
    assert.equal(code(await index.upload(wheelFixture(), administrator)), 'accepted')
    assert.deepEqual(index.asked, [])
  }))

test('TOK-2: a token of one project uploads nowhere else and creates no name', () =>
  withIndex(async (index) => {
    const limited: Uploader = { scope: 'upload', project: 'demo' }
    assert.equal(code(await index.upload(wheelFixture({ name: 'other' }), limited)), 'token-scope')
    assert.equal(code(await index.upload(wheelFixture(), limited)), 'name-not-yours')
    await index.upload(wheelFixture())
    assert.equal(code(await index.upload(sdistFixture(), limited)), 'accepted')
  }))

test('PEP 792: an archived or quarantined project takes no uploads', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    for (const status of ['archived', 'quarantined'] as const) {
      await setProjectStatus(index.store, index.clock, {
        project: 'demo',
        status,
        ...AS_OPERATOR,
      })
      assert.equal(code(await index.upload(sdistFixture())), `upload-project-${status}`)
    }
  }))

test('attestations are checked and kept as they came', () =>
  withIndex(async (index) => {
    const plain = wheelFixture()
    const sha256 = createHash('sha256').update(plain.bytes).digest('hex')
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: plain.filename, digest: { sha256 } }],
      predicateType: 'https://docs.pypi.org/attestations/publish/v1',
    }
    const envelope = { statement: Buffer.from(JSON.stringify(statement)).toString('base64'), signature: 'AAAA' }
    const attestations = JSON.stringify([
      { version: 1, verification_material: { certificate: 'AAAA', transparency_entries: [{}] }, envelope },
    ])
    assert.equal(
      code(await index.upload(wheelFixture({ form: { attestations: '[]' } }))),
      'upload-attestations-invalid',
    )
    assert.equal(code(await index.upload(wheelFixture({ form: { attestations } }))), 'accepted')
    const file = await index.store.db.selectFrom('file').selectAll().executeTakeFirstOrThrow()
    const kept = async (): Promise<string> => {
      const blob = await index.blobs.get(file.attestations_sha256 ?? '')
      assert.ok(blob)
      return Buffer.concat(await Array.fromAsync(blob.stream())).toString()
    }
    assert.equal(await kept(), attestations)

    await index.blobs.delete(file.attestations_sha256 ?? '')
    assert.equal(code(await index.upload(wheelFixture({ form: { attestations } }))), 'identical')
    assert.equal(await kept(), attestations, 'a re-upload brings them back')
  }))

/** What others do to the name while an upload is looked at: between its check and its commit. */
const meanwhile = (index: UploadIndex, work: () => Promise<unknown>): void => {
  const { inspect } = index
  index.inspect = async (file) => {
    index.inspect = inspect
    await work()
    return inspect(file)
  }
}

for (const status of ['archived', 'quarantined'] as const) {
  test(`a project that is ${status} between the check and the commit of an upload refuses it`, () =>
    withIndex(async (index) => {
      await index.upload(wheelFixture())
      const change = { project: 'demo', status, ...AS_OPERATOR }
      meanwhile(index, () => setProjectStatus(index.store, index.clock, change))
      assert.equal(code(await index.upload(sdistFixture())), `upload-project-${status}`)
      assert.equal((await index.store.db.selectFrom('file').select('id').execute()).length, 1)
    }))
}

test('NAME-XFER: a maintainer who is removed between the check and the commit of an upload uploads nothing', () =>
  withIndex(async (index) => {
    await index.upload(wheelFixture())
    for (const name of ['ada', 'bob']) await createUser(index.store, index.clock, { name, by: OPERATOR })
    const bob = { project: 'demo', holder: { kind: 'user', name: 'bob' } } as const
    await addMember(index.store, index.clock, { ...bob, role: 'maintainer', ...AS_OPERATOR })
    meanwhile(index, () => removeMember(index.store, index.clock, { ...bob, ...AS_OPERATOR }))
    assert.equal(code(await index.upload(sdistFixture(), member, 'bob')), 'name-not-yours')
    assert.equal(code(await index.upload(sdistFixture(), member, 'ada')), 'accepted')
  }))

test('DC-1, row 10: a name decided for an upstream between the check and the commit of an upload refuses it', async () => {
  const decide = (index: UploadIndex) => () => addProject(index, { authority: 'upstream', upstream: 'pypi' })
  const hooks: readonly ((index: UploadIndex) => void)[] = [
    (index) => meanwhile(index, decide(index)),
    (index) => {
      index.presence = async () => {
        await decide(index)()
        return { kind: 'absent', evidence: ['pypi: 404'] }
      }
    },
  ]
  for (const hook of hooks) {
    await withIndex(async (index) => {
      hook(index)
      assert.equal(code(await index.upload(wheelFixture())), 'name-upstream')
      const { authority, upstream } = await index.store.db.selectFrom('project').selectAll().executeTakeFirstOrThrow()
      assert.deepEqual([authority, upstream], ['upstream', 'pypi'])
      for (const table of ['file', 'release', 'decision', 'journal'] as const) {
        assert.deepEqual(await index.store.db.selectFrom(table).selectAll().execute(), [], table)
      }
    })
  }
})

test('a name that an administrator claims between the check and the commit of an upload is not claimed again', () =>
  withIndex(async (index) => {
    const claim = { project: 'demo', displayName: 'demo', actor: OPERATOR, by: 'administrator', evidence: [] } as const
    meanwhile(index, () =>
      index.store.transaction((tx) => recordClaim(tx, { ...claim, at: '2026-11-22T12:00:00.000Z' })),
    )
    assert.equal(code(await index.upload(wheelFixture())), 'accepted')
    const decisions = await index.store.db.selectFrom('decision').select('actor').execute()
    const journal = await index.store.db.selectFrom('journal').select('action').execute()
    assert.deepEqual(
      [decisions.map(({ actor }) => actor), journal.map(({ action }) => action)],
      [['operator'], ['file-add']],
    )
  }))

test('a name that only passes by between the check and the commit of an upload is claimed as the upstreams said', () =>
  withIndex(async (index) => {
    meanwhile(index, () => addProject(index, { authority: 'unclaimed', upstream: null }))
    assert.equal(code(await index.upload(wheelFixture())), 'accepted')
    const { body } = await index.store.db.selectFrom('decision').selectAll().executeTakeFirstOrThrow()
    assert.equal(body, '{"kind":"claim","by":"upload","evidence":["pypi: 404"]}')
  }))

function addProject(index: UploadIndex, decided: Pick<ProjectRow, 'authority' | 'upstream'>): Promise<unknown> {
  const names = { name: 'demo', display_name: 'demo', created_at: '2026-11-22T12:00:00.000Z' }
  const state = { rev: 0, status: 'active', status_reason: null } as const
  return index.store.transaction((tx) =>
    tx
      .insertInto('project')
      .values({ ...names, ...state, ...decided })
      .execute(),
  )
}

test('concurrent uploads of one file: one is accepted, the others find it there', () =>
  withIndex(async (index) => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => index.upload(wheelFixture())))
    assert.deepEqual(outcomes.map(code).sort(), ['accepted', ...Array<string>(7).fill('identical')])
  }))

test('concurrent uploads of different bytes under one name: one is accepted, the others are told so', () =>
  withIndex(async (index) => {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, i) => index.upload(wheelFixture({ code: `x = ${i}\n` }))),
    )
    assert.deepEqual(outcomes.map(code).sort(), ['accepted', ...Array<string>(5).fill('upload-file-exists')])
  }))

test('concurrent uploads of different files of a new project all succeed, with one claim', () =>
  withIndex(async (index) => {
    const fixtures = [sdistFixture(), ...['1.0', '2.0', '3.0'].map((version) => wheelFixture({ version }))]
    const outcomes = await Promise.all(fixtures.map((fixture) => index.upload(fixture)))
    assert.deepEqual(outcomes.map(code), ['accepted', 'accepted', 'accepted', 'accepted'])
    assert.equal((await index.store.db.selectFrom('decision').selectAll().execute()).length, 1)
  }))
