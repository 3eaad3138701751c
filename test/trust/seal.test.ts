import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { readNameRecord, recordTarget, shardOf } from '@waxseal/index/names'
import type { NameRecord } from '@waxseal/index/names'
import { readMetadata } from '@waxseal/trust'
import { documentOf } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer, ServerOptions } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { CeremonyScene } from './ceremony-scene.ts'
import type { Holder } from './ceremony-scene.ts'
import { Followers } from './followers.ts'

const RECORD = recordTarget('acme-app')
const SEALED = `sealed-${shardOf('acme-app')}`

/** An index with a name of its own, and the people who hold its keys. */
class Sealing implements AsyncDisposable {
  readonly scene: CeremonyScene
  readonly holders: readonly Holder[]
  readonly #parts: AsyncDisposableStack

  private constructor(scene: CeremonyScene, holders: readonly Holder[], parts: AsyncDisposableStack) {
    this.scene = scene
    this.holders = holders
    this.#parts = parts
  }

  static async open(names: readonly string[], threshold: number): Promise<Sealing> {
    await using parts = new AsyncDisposableStack()
    const scene = parts.use(await CeremonyScene.open())
    const holders = await Promise.all(names.map((name) => scene.holder(name)))
    await scene.first(holders, threshold)
    return new Sealing(scene, holders, parts.move())
  }

  get data(): string {
    return this.scene.data
  }

  serve(options: ServerOptions = {}): Promise<RunningServer> {
    return startWaxseal({ dataDir: this.data, ...options, args: ['--no-upstream', ...(options.args ?? [])] })
  }

  /** What `waxseal seal` prints for people. */
  async seal(...args: readonly string[]): Promise<string> {
    const run = await this.scene.run('seal', '--data', this.data, ...args)
    assert.equal(run.code, 0, run.stderr + run.stdout)
    return run.stdout
  }

  /** Everything that is pending, sealed by the first holder. */
  sealed(...args: readonly string[]): Promise<string> {
    return this.seal('--key', this.holders[0]?.file ?? '', '--yes', ...args)
  }

  /** Reads, or changes, the database beside the server. */
  sql<T>(work: (database: DatabaseSync) => T, data = this.data): T {
    using database = new DatabaseSync(join(data, 'waxseal.db'))
    return work(database)
  }

  /** The record as these roles list it. */
  record(role: string, data = this.data): NameRecord | undefined {
    const row = this.sql((database) => {
      return database
        .prepare('select body from target where role = ? and path = ? and superseded_at is null')
        .get(role, RECORD)
    }, data)
    return row && readNameRecord('acme-app', Buffer.from(String(row['body'])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync()
  }
}

async function upload(server: RunningServer, file: Distribution): Promise<string> {
  const { status, reason } = await uploadFile(server, file)
  assert.equal(status, 200, reason)
  return hash('sha256', file.bytes)
}

const wheel = (version: string): Distribution => buildWheel({ name: 'acme-app', version })

describe('one holder seals with the key at hand', () => {
  it('everything that is pending, in one command, and what comes later is pending again', async () => {
    await using all = await Sealing.open(['anna'], 1)
    await using server = await all.serve({ args: ['--prefix', 'acme'] })
    const [first, second] = [wheel('1.0'), wheel('1.1')]
    const sha256 = await upload(server, first)
    await using clients = await Followers.of(server.url)
    const claimed = await clients.verify(server.url, RECORD)

    const dry = await all.seal('--dry-run')
    assert.match(dry, /^acme-app: CLAIMED becomes SEALED; internal; 1 file frozen, and no other is offered\.$/m)
    assert.ok(dry.includes(`NEW FILE ${first.filename}, sha256 ${sha256}\n`))
    assert.match(dry, /^namespace acme is granted to operator, private, names under it need NO seal$/m)
    assert.equal(all.record(SEALED), undefined)

    const said = await all.sealed()
    assert.match(said, /^ {4}acme-app: CLAIMED becomes SEALED/m)
    const record = all.record(SEALED)
    assert.deepEqual(record?.files, new Map([[first.filename, sha256]]))
    assert.equal(record?.closed, true)
    const signed = await clients.verify(server.url, RECORD)
    assert.notEqual(signed.sha256, claimed.sha256, 'the sealed record is found before the claimed one')
    // The server goes on with the very same number.
    assert.equal(all.record(`claimed-${shardOf('acme-app')}`)?.rev, record?.rev)
    assert.match(await all.seal(), /^Nothing is pending\.$/m)

    const later = await upload(server, second)
    assert.deepEqual(await clients.verify(server.url, RECORD), signed, 'the server alone adds nothing to a seal')
    const again = await all.seal('acme-app', '--dry-run')
    assert.match(again, /^acme-app: SEALED anew; internal; 2 files frozen/m)
    assert.ok(again.includes(`NEW FILE ${second.filename}, sha256 ${later}\n`))
    assert.ok(!again.includes(`NEW FILE ${first.filename}`))
    await all.sealed('acme-app')
    assert.equal(all.record(SEALED)?.files?.size, 2)

    assert.match(await all.sealed('--open', 'acme-app'), /acme-app: OPENS: it is SEALED NO MORE/)
    assert.equal(all.record(SEALED), undefined)
    const log = await all.scene.done('log', 'show', 'acme-app', '--data', all.data)
    const words = (log['decisions'] as readonly { readonly words: string }[]).map((one) => one.words)
    assert.deepEqual(words.slice(1), [
      'Sealed by the holders, with 1 file.',
      'Sealed by the holders, with 2 files.',
      'Its holders have taken the seal away.',
    ])
  })

  it('with the key where init put it; without a yes nothing is begun, nor with a key of somebody else', async () => {
    await using scene = await CeremonyScene.open()
    scene.env = { WAXSEAL_OFFLINE_KEYS: join(scene.folder, 'offline') }
    const passphrase = join(scene.folder, 'passphrase')
    await writeFile(passphrase, 'a passphrase of this test')
    const init = ['init', '--data', scene.data, '--yes', '--no-upstream', '--size', 'small']
    assert.equal((await scene.run(...init, '--passphrase-file', passphrase)).code, 0)
    await scene.done('project', 'claim', 'acme-app', '--data', scene.data)

    const asked = await scene.run('seal', '--data', scene.data, '--passphrase-file', passphrase, '--json')
    assert.equal((documentOf(asked)['error'] as { readonly code: string }).code, 'no-terminal')
    const eve = await scene.holder('eve')
    const refused = await scene.refused('seal', '--data', scene.data, '--key', eve.file, '--yes')
    assert.match(refused.message, /is none of those that sign this/)
    assert.equal((await scene.done('ceremony', 'show', '--data', scene.data))['ceremony'], null)

    const done = await scene.done('seal', '--data', scene.data, '--passphrase-file', passphrase, '--yes')
    // The cooldown that init proposes is sealed with it.
    assert.deepEqual([done['sealed'], done['targets']], [true, ['policy/default.json', RECORD]])
    const other = await scene.refused('seal', 'nobody', '--data', scene.data)
    assert.match(other.message, /nobody cannot be sealed: nobody has decided about it yet: claim it first/)
  })
})

it('two of three holders seal on machines of their own, from the request alone', async () => {
  await using all = await Sealing.open(['anna', 'ben', 'cleo'], 2)
  const { scene } = all
  await using server = await all.serve()
  const sha256 = await upload(server, wheel('1.0'))
  await all.seal('--out', join(scene.folder, 'seal.json'))
  const carried: string[] = []
  for (const { name, file } of all.holders.slice(0, 2)) {
    const own = join(scene.folder, name)
    await mkdir(own)
    await cp(join(scene.folder, 'seal.json'), join(own, 'seal.json'))
    const run = await scene.run('sign', join(own, 'seal.json'), '--key', file, '--yes')
    assert.equal(run.code, 0, run.stderr)
    assert.match(
      run.stdout,
      /^ {4}acme-app: CLAIMED becomes SEALED; internal; 1 file frozen, and no other is offered\.$/m,
    )
    assert.match(run.stdout, new RegExp(`^ {4}NEW FILE acme_app-1\\.0-py3-none-any\\.whl, sha256 ${sha256}$`, 'm'))
    carried.push(/carry (\S+) back/.exec(run.stdout)?.[1] ?? '')
  }
  await scene.import(carried[0] ?? '')
  assert.equal((await scene.refused('ceremony', 'publish', '--data', all.data)).code, 'threshold-not-met')
  assert.equal(all.record(SEALED), undefined)
  await scene.import(carried[1] ?? '')
  // Days pass, and the server goes on: what it did since is for the next seal.
  await upload(server, wheel('2.0'))
  assert.deepEqual((await scene.publish())['targets'], [RECORD])
  assert.equal(all.record(SEALED)?.files?.size, 1)
  assert.match(await all.seal('--dry-run'), /NEW FILE acme_app-2\.0-/)
  // The first of them may sign where it is begun.
  assert.match(await all.sealed(), /1 of 2 have signed.*\n(?:.*\n)*Carry .*request\.json to the others/)
  assert.equal(all.record(SEALED)?.files?.size, 1)
})

it('a seal of a name about which something else was decided since is refused, and begun again', async () => {
  await using all = await Sealing.open(['anna'], 1)
  const { scene } = all
  await using server = await all.serve()
  await upload(server, wheel('1.0'))
  await scene.done('project', 'claim', 'acme-other', '--data', all.data)
  const request = join(scene.folder, 'seal.json')
  await all.seal('--out', request)
  await scene.import(await scene.sign(request, all.holders[0] as Holder))
  await scene.done('project', 'status', 'acme-app', 'archived', '--data', all.data)
  const { code, message } = await scene.refused('ceremony', 'publish', '--data', all.data)
  assert.equal(code, 'conflict')
  assert.match(message, /about acme-app since this seal was begun.*begin again/)
  const sealed = all.sql((database) =>
    database.prepare(`select count(*) n from target where role like 'sealed-%'`).get(),
  )
  assert.equal(sealed?.['n'], 0, 'nothing of it came out')
  await scene.done('ceremony', 'abandon', '--data', all.data)
  await all.sealed()
  assert.equal(all.record(SEALED)?.rev, 3)
})

it('openings of a sealed name wait for its holders, are shown as what they are, and come out with the seal', async () => {
  await using all = await Sealing.open(['anna'], 1)
  await using server = await all.serve()
  await upload(server, wheel('1.0'))
  await all.sealed()
  const rule = { owner: 'local', extender: 'pypi', extend: 'older-versions', versions: '<1', consent: 'operator' }
  const ask = (kind: string, body: unknown): void => {
    all.sql((database) => {
      const row = database.prepare(`insert into opening values ('acme-app', ?, ?, ?, 'ada')`)
      row.run(kind, JSON.stringify(body), new Date().toISOString())
    })
  }
  all.sql((database) => {
    for (const n of [7, 8]) {
      database.exec(`insert into denial (n, project, shard, overlay, reason, since, denied_by)
        values (${n}, 'acme-app', '${shardOf('acme-app')}', 'quarantined', 'a test', '2026-11-24T12:00:00.000Z', 'ada')`)
    }
  })
  assert.match(await all.seal(), /Nothing is pending/, 'a denial closes, and needs no holder')
  ask('lift', 7)
  ask('merge', rule)
  const request = join(all.scene.folder, 'seal.json')
  const words = await all.seal('--out', request)
  assert.match(words, /^ {4}acme-app: OPENS: lift of denial 7\.$/m)
  assert.match(words, /^ {4}acme-app: OPENS: internal before, merged now\.$/m)
  assert.match(words, /^ {4}acme-app: OPENS: files may come from pypi\.$/m)
  assert.match(words, /^ {4}acme-app: OPENS: files may be offered that are not frozen\.$/m)
  const standing = (): readonly unknown[] =>
    all.sql((database) =>
      database
        .prepare('select n from denial where lifted_at is null order by n')
        .all()
        .map(({ n }) => n),
    )
  assert.deepEqual(standing(), [7, 8], 'it waits')
  ask('lift', 8)
  await all.scene.import(await all.scene.sign(request, all.holders[0] as Holder))
  await all.scene.publish()
  assert.deepEqual(standing(), [8])
  assert.deepEqual(all.record(SEALED)?.lifts, [7])
  const project = all.sql((database) => database.prepare(`select * from project where name = 'acme-app'`).get())
  assert.deepEqual(
    [project?.['authority'], project?.['upstream'], JSON.parse(String(project?.['merge_rule']))],
    ['merged', 'pypi', rule],
  )
  const waiting = all.sql((database) => database.prepare('select kind, body from opening').all())
  assert.deepEqual(
    waiting.map(({ kind, body }) => [kind, body]),
    [['lift', '8']],
    'asked for after the seal was begun',
  )
  ask('merge', null)
  assert.match(await all.sealed(), /acme-app: OPENS: merged before, internal now/)
  assert.deepEqual([all.record(SEALED)?.authority, all.record(SEALED)?.lifts], ['internal', [7, 8]])
})

it('KC-3: with all keys of the server nobody changes what is sealed', async () => {
  await using all = await Sealing.open(['anna'], 1)
  const stolen = join(all.scene.folder, 'stolen')
  const claimedRole = `claimed-${shardOf('acme-app')}`
  {
    await using server = await all.serve()
    await upload(server, wheel('1.0'))
    await all.sealed()
  }
  await cp(all.data, stolen, { recursive: true })
  await using clients = await (async () => {
    await using server = await all.serve()
    return await Followers.of(server.url)
  })()
  const sealed = all.sql((database) =>
    database.prepare('select sha256 from target where role = ? and superseded_at is null').get(SEALED),
  )
  all.sql((database) => {
    database.exec(`update project set authority = 'upstream', upstream = 'evil', rev = 99 where name = 'acme-app';
      insert into journal (project, action, at, actor, snapshot) values ('acme-app', 'record', '2026-11-24T12:00:00.000Z', null, null)`)
  }, stolen)
  await using thief = await startWaxseal({ dataDir: stolen, args: ['--no-upstream'] })
  assert.deepEqual(all.record(claimedRole, stolen)?.sources, ['evil'], 'the server signs what it likes')
  const { version } = all.sql(
    (database) => database.prepare('select max(version) version from tuf_file where role = ?').get(claimedRole) ?? {},
    stolen,
  )
  const role = readMetadata('targets', await bytesAt(`${thief.url}/tuf/${String(version)}.${claimedRole}.json`))
  assert.equal(
    role.signed.targets.get(RECORD)?.hashes.get('sha256'),
    hash('sha256', await targetBody(all, claimedRole, stolen)),
  )
  assert.equal((await clients.verify(thief.url, RECORD)).sha256, sealed?.['sha256'])
})

async function bytesAt(url: string): Promise<Buffer> {
  return Buffer.from(await (await fetch(url)).arrayBuffer())
}

async function targetBody(all: Sealing, role: string, data: string): Promise<string> {
  const row = all.sql((database) => {
    return database
      .prepare('select body from target where role = ? and path = ? and superseded_at is null')
      .get(role, RECORD)
  }, data)
  return String(row?.['body'])
}

it('RB-BAK: a backup from before a seal: its request is taken up again, or all is sealed anew above what was seen', async () => {
  await using all = await Sealing.open(['anna'], 1)
  const { scene } = all
  const holder = all.holders[0] as Holder
  const [restored, lost] = [join(scene.folder, 'restored'), join(scene.folder, 'lost')]
  const request = join(scene.folder, 'seal.json')
  await using parts = new AsyncDisposableStack()
  const { clients, signature, seen } = await (async () => {
    await using server = await all.serve()
    const followers = parts.use(await Followers.of(server.url))
    await upload(server, wheel('1.0'))
    await all.sealed()
    await upload(server, wheel('2.0'))
    await scene.done('backup', join(scene.folder, 'backup'), '--data', all.data)
    await all.seal('--out', request)
    const signed = await scene.sign(request, holder)
    await scene.import(signed)
    await scene.publish()
    return { clients: followers, signature: signed, seen: await followers.verify(server.url, RECORD) }
  })()
  const { rev = 0 } = all.record(SEALED) ?? {}
  await mkdir(restored)
  await cp(join(all.data, 'keys'), join(restored, 'keys'), { recursive: true })
  await scene.done('restore', join(scene.folder, 'backup'), '--data', restored)
  await cp(restored, lost, { recursive: true })

  await using server = await startWaxseal({ dataDir: restored, args: ['--no-upstream'] })
  assert.equal(await clients.refuse(server.url, RECORD), 'rollback')
  await scene.done('ceremony', 'begin', '--data', restored, '--request', request)
  await scene.done('ceremony', 'import', '--data', restored, signature)
  await scene.done('ceremony', 'publish', '--data', restored)
  assert.deepEqual(await clients.verify(server.url, RECORD), seen)
  const out = join(scene.folder, 'log.jsonl')
  await scene.done('log', 'export', out, '--data', restored)
  await scene.done('log', 'verify', out)

  // As it is where nobody kept the files.
  const above = join(scene.folder, 'above.json')
  await scene.done('ceremony', 'begin', '--data', lost, '--versions-above', '20', '--out', above)
  await scene.done('ceremony', 'import', '--data', lost, await scene.sign(above, holder))
  await scene.done('ceremony', 'publish', '--data', lost)
  assert.ok((all.record(SEALED, lost)?.rev ?? 0) < rev, 'a guard that has seen the seal takes none of before it')
  await scene.done('seal', '--data', lost, '--again', '--key', holder.file, '--yes')
  assert.ok((all.record(SEALED, lost)?.rev ?? 0) > rev)
})

describe('LOG: the whole history is verified without the server', () => {
  it('and whoever rewrites, drops or reorders decisions is found', async () => {
    await using all = await Sealing.open(['anna'], 1)
    const { scene } = all
    const root = join(scene.folder, 'root.json')
    {
      await using server = await all.serve()
      await writeFile(root, await bytesAt(`${server.url}/tuf/1.root.json`))
      await upload(server, wheel('1.0'))
      for (const status of ['archived', 'active'])
        await scene.done('project', 'status', 'acme-app', status, '--data', all.data)
      await all.sealed()
      await scene.done('project', 'claim', 'acme-claimed', '--data', all.data)
      await scene.done('project', 'status', 'acme-claimed', 'deprecated', '--reason', 'old', '--data', all.data)
    }
    const file = join(scene.folder, 'log.jsonl')
    await scene.done('log', 'export', file, '--data', all.data)
    const verified = await scene.done('log', 'verify', file, '--root', root)
    assert.deepEqual(
      ['subjects', 'decisions', 'sealed', 'claimed', 'unsigned'].map((key) => verified[key]),
      [2, 6, 1, 2, 0],
    )
    const text = await readFile(file, 'utf8')
    let tries = 0
    /** What is said of an export of a server whose decisions are these. */
    const lying = async (sql: string, rewrite?: (database: DatabaseSync) => void): Promise<string> => {
      const copy = join(scene.folder, `copy-${(tries += 1)}`)
      await cp(all.data, copy, { recursive: true })
      all.sql((database) => {
        database.exec(sql)
        rewrite?.(database)
      }, copy)
      const out = join(scene.folder, `log-${tries}.jsonl`)
      await scene.done('log', 'export', out, '--data', copy)
      return (await scene.refused('log', 'verify', out, '--root', root)).message
    }
    const rehash = (database: DatabaseSync): void => {
      let prev: string | null = null
      for (const row of database.prepare(`select * from decision where project = 'acme-app' order by rev`).all()) {
        const { project, rev, at, actor, body } = row
        const chained: string = hash('sha256', JSON.stringify({ project, rev, at, actor, body, prev }))
        database
          .prepare(`update decision set prev = ?, hash = ? where project = 'acme-app' and rev = ?`)
          .run(prev, chained, Number(rev))
        prev = chained
      }
    }
    const changed = `update decision set actor = 'nobody' where project = 'acme-app' and rev = 2`
    assert.match(await lying(changed), /acme-app, revision 2: It was changed/)
    assert.match(
      await lying(changed, rehash),
      /acme-app, revision 4: The sealed record is of a history that this is not/,
    )
    const dropped = `delete from decision where project = 'acme-app' and rev = 2`
    assert.match(await lying(dropped), /acme-app, revision 3: It does not follow the one before/)
    assert.match(await lying(dropped, rehash), /acme-app, revision 4: .*rewritten, or dropped/)
    assert.match(
      await lying(`delete from decision where project = 'acme-app' and rev = 4`),
      /acme-app, revision 4: .*dropped/,
    )
    assert.match(
      await lying(`update decision set rev = 9 where project = 'acme-app' and rev = 2`),
      /acme-app, revision 3: It does not follow/,
    )
    assert.match(
      await lying(`delete from decision where project = 'acme-claimed'`),
      /acme-claimed, revision 2: .*dropped/,
    )
    assert.match(
      await lying(
        `update decision set body = replace(body, '"files":1', '"files":0') where project = 'acme-app' and rev = 4`,
      ),
      /acme-app, revision 4: It was changed/,
    )

    const spoilt = async (lines: readonly string[], ...args: readonly string[]): Promise<string> => {
      const out = join(scene.folder, `spoilt-${(tries += 1)}.jsonl`)
      await writeFile(out, lines.map((line) => `${line}\n`).join(''))
      return (await scene.refused('log', 'verify', out, ...args)).message
    }
    const lines = text.split('\n').slice(0, -1)
    assert.match(await spoilt(lines.slice(0, -1)), /is cut off, or was changed/)
    assert.match(await spoilt(['{}', ...lines.slice(1)]), /Line 1 is none of an exported log/)
    assert.match(
      await spoilt(lines.filter((line) => !line.includes(`"role":"${SEALED}","path"`))),
      /acme-app: Its sealed record is signed, and not in the file/,
    )
    const eve = await Sealing.open(['eve'], 1)
    await using _eve = eve
    await using other = await eve.serve()
    const foreign = join(scene.folder, 'foreign.json')
    await writeFile(foreign, await bytesAt(`${other.url}/tuf/1.root.json`))
    assert.match(await spoilt(lines, '--root', foreign), /What is signed does not verify/)
  })
})
