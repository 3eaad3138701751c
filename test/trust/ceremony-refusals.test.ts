import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { startWaxseal } from '../support/server.ts'
import { CeremonyScene } from './ceremony-scene.ts'

describe('what is not taken', () => {
  it('is signatures that are foreign, made twice, damaged, or made for another request', async () => {
    await using scene = await CeremonyScene.open()
    const [anna, ben, cleo] = [await scene.holder('anna'), await scene.holder('ben'), await scene.holder('cleo')]
    await scene.first([anna, ben, cleo], 2)
    const earlier = await scene.begin('--renew', 'root')
    const old = await scene.sign(earlier, ben)
    await scene.done('ceremony', 'abandon', '--data', scene.data)

    const request = await scene.begin('--renew', 'root', 'targets')
    const by = await scene.sign(request, anna)
    await scene.import(by)
    const refused = async (file: string, words: RegExp): Promise<void> => {
      const { code, message } = await scene.refused('ceremony', 'import', '--data', scene.data, file)
      assert.equal(code, 'ceremony-invalid')
      assert.match(message, words)
    }
    // What is in already is told, and keeps nothing else out.
    assert.deepEqual((await scene.import(by))['known'], [by])
    await refused(old, /made for another request/)
    const text = await readFile(await scene.sign(request, ben), 'utf8')
    const changed = join(scene.folder, 'changed.sig.json')
    await writeFile(
      changed,
      text.replace(/"sig":"(..)/, (_, two: string) => `"sig":"${two === '00' ? '01' : '00'}`),
    )
    await refused(changed, /is wrong/)
    await writeFile(changed, text.replaceAll(ben.keyid, (await scene.holder('mallory')).keyid))
    await refused(changed, /may not sign/)
    await writeFile(changed, text.replaceAll(ben.keyid, cleo.keyid))
    await refused(changed, /is wrong/)
    const { ceremony } = await scene.done('ceremony', 'show', '--data', scene.data)
    assert.deepEqual((ceremony as { readonly signed: unknown }).signed, [anna.keyid])
  })

  it('is a request that somebody changed on the way, or that starts from a root that the holder does not know', async () => {
    await using scene = await CeremonyScene.open()
    const [anna, mallory] = [await scene.holder('anna'), await scene.holder('mallory')]
    await scene.first([anna], 1)
    const known = join(scene.folder, '1.root.json')
    await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
    await writeFile(known, await (await fetch(`${server.url}/tuf/1.root.json`)).text())
    const request = await scene.begin('--renew', 'root', 'targets')
    const text = await readFile(request, 'utf8')
    const changed = join(scene.folder, 'changed.json')
    await writeFile(changed, text.replaceAll(String.raw`\"terminating\":true`, String.raw`\"terminating\":false`))
    assert.notEqual(await readFile(changed, 'utf8'), text)
    assert.equal((await scene.refused('sign', changed, '--key', anna.file, '--yes')).code, 'threshold-not-met')
    await writeFile(changed, text.replace(String.raw`\"version\":2`, String.raw`\"version\":7`))
    assert.equal((await scene.refused('sign', changed, '--key', anna.file, '--yes')).code, 'ceremony-invalid')

    const said = await scene.run('sign', request, '--key', anna.file, '--root', known, '--yes')
    assert.match(said.stdout, /It starts from root version 1, the one in .*1\.root\.json/)
    await using foreign = await CeremonyScene.open()
    await foreign.first([anna], 1)
    const theirs = await foreign.begin('--renew', 'root', 'targets')
    const unknown = await scene.refused('sign', theirs, '--key', anna.file, '--root', known, '--yes')
    assert.match(unknown.message, /not the one in/)
    await using another = await CeremonyScene.open()
    const begins = await another.begin('--first', '--size', 'small', '--root-key', anna.pub)
    const begun = await scene.refused('sign', begins, '--key', anna.file, '--root', known, '--yes')
    assert.match(begun.message, /begins a new repository, and you have a root already/)
    assert.match((await scene.refused('sign', request, '--key', mallory.file, '--yes')).message, /may sign nothing/)
  })

  it('is a second ceremony beside one, and one that another overtook', async () => {
    await using scene = await CeremonyScene.open()
    const anna = await scene.holder('anna')
    await scene.first([anna], 1)
    assert.equal(
      (await scene.refused('ceremony', 'begin', '--first', '--data', scene.data, '--root-key', anna.pub)).code,
      'conflict',
    )
    const request = await scene.begin('--renew', 'root')
    assert.equal((await scene.refused('ceremony', 'begin', '--data', scene.data, '--renew', 'root')).code, 'conflict')

    const elsewhere = join(scene.folder, 'elsewhere')
    await cp(join(scene.data, 'ceremony'), elsewhere, { recursive: true })
    const signed = await scene.sign(request, anna)
    await scene.import(signed)
    await scene.publish()
    const other = await scene.begin('--renew', 'root')
    await scene.done('ceremony', 'abandon', '--data', scene.data)
    assert.match((await scene.refused('ceremony', 'abandon', '--data', scene.data)).message, /No ceremony has begun/)

    // Published already: said again, it ends well. Begun on what was before: it does not.
    await cp(elsewhere, join(scene.data, 'ceremony'), { recursive: true })
    assert.equal((await scene.publish())['root'], 2)
    await scene.ceremony(['--renew', 'root'], [anna])
    await cp(elsewhere, join(scene.data, 'ceremony'), { recursive: true })
    await writeFile(join(scene.data, 'ceremony/request.json'), await readFile(other))
    await scene.import(await scene.sign(other, anna))
    const { code, message } = await scene.refused('ceremony', 'publish', '--data', scene.data)
    assert.equal(code, 'conflict')
    assert.match(message, /begin again/)
  })
})

describe('an index whose first ceremony has begun', () => {
  it('is signed by nobody else, and nobody is told to', async () => {
    await using scene = await CeremonyScene.open()
    const [anna, ben] = [await scene.holder('anna'), await scene.holder('ben')]
    const keys = [anna, ben].flatMap(({ pub }) => ['--root-key', pub])
    const request = await scene.begin('--first', '--size', 'small', '--root-threshold', '2', ...keys)
    const { code, message } = await scene.refused('init', '--yes', '--data', scene.data)
    assert.equal(code, 'conflict')
    assert.match(message, /first ceremony of this index has begun, and nothing was changed/)
    assert.ok(!existsSync(`${scene.data}.offline-keys`))
    assert.doesNotMatch((await scene.run('status', '--data', scene.data)).stdout, /waxseal init/)
    {
      await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
      assert.match(server.log(), /signed {5}no: its first ceremony has begun: waxseal ceremony show/)
      assert.doesNotMatch(server.log(), /waxseal init/)
    }
    await scene.import(await scene.sign(request, anna), await scene.sign(request, ben))
    assert.equal((await scene.publish())['root'], 1)
  })
})

describe('a key of the other side', () => {
  it('is made neither a holder of the index nor a key of its server, and none takes its own place', async () => {
    await using scene = await CeremonyScene.open()
    const [anna, ben] = [await scene.holder('anna'), await scene.holder('ben')]
    await scene.first([anna], 1)
    const pages = join(scene.folder, 'pages.pub')
    await scene.done('key', 'show', join(scene.data, 'keys/pages.pem'), '--pub', pages)
    const begin = ['ceremony', 'begin', '--data', scene.data] as const
    for (const args of [
      ['--root-key', pages],
      ['--targets-key', pages],
      ['--replace', `${anna.pub}=${pages}`],
      // On its way out it may be in a thief's hands.
      ['--root-key', pages, '--all-online', 'new'],
    ]) {
      const { code, message } = await scene.refused(...begin, ...args)
      assert.equal(code, 'not-allowed')
      assert.match(message, /is one of the server's/)
    }
    for (const args of [
      ['--online', `timestamp=${anna.pub}`],
      ['--online', `pages=${ben.pub}`, '--root-key', ben.pub],
    ]) {
      const { code, message } = await scene.refused(...begin, ...args)
      assert.equal(code, 'not-allowed')
      assert.match(message, /is (a holder's|one of the server's)/)
    }
    const itself = await scene.refused(...begin, '--replace', `${anna.pub}=${anna.pub}`)
    assert.match(itself.message, /cannot take its own place/)
    assert.deepEqual(await readdir(join(scene.data, 'keys')), [
      'deny.pem',
      'names.pem',
      'pages.pem',
      'select.pem',
      'snapshot.pem',
      'timestamp.pem',
    ])
    const keys = join(scene.folder, 'other/keys')
    await cp(join(scene.data, 'keys'), keys, { recursive: true })
    const first = ['ceremony', 'begin', '--first', '--data', join(scene.folder, 'other'), '--root-key', pages]
    assert.match((await scene.refused(...first)).message, /is one of the server's/)
  })
})

describe('a file that a command is told to write', () => {
  it('is never one that is there, and nothing is begun where it cannot be written', async () => {
    await using scene = await CeremonyScene.open()
    const anna = await scene.holder('anna')
    await scene.first([anna], 1)
    const begin = ['ceremony', 'begin', '--data', scene.data, '--renew', 'root', '--out'] as const
    const before = await readFile(anna.file, 'utf8')
    const there = await scene.refused(...begin, anna.file)
    assert.deepEqual([there.code, there.message], ['occupied', `${anna.file} is there already: name another file.`])
    assert.equal(await readFile(anna.file, 'utf8'), before, 'a key is as it was')
    const first = [
      'ceremony',
      'begin',
      '--first',
      '--data',
      join(scene.folder, 'other'),
      '--root-key',
      anna.pub,
      '--out',
    ]
    assert.equal((await scene.refused(...first, anna.pub)).code, 'occupied')
    assert.ok(!existsSync(join(scene.folder, 'other')))
    const link = join(scene.folder, 'link')
    await symlink(join(scene.folder, 'nowhere'), link)
    assert.equal((await scene.refused(...begin, link)).code, 'occupied')

    const nowhere = join(scene.folder, 'nowhere/request.json')
    for (const args of [
      [...begin, nowhere],
      ['sign', anna.pub, '--key', anna.file, '--out', nowhere],
      ['key', 'new', nowhere],
      ['key', 'show', anna.file, '--pub', nowhere],
    ]) {
      const { code, stderr } = await scene.run(...args)
      assert.deepEqual(
        [code, stderr],
        [3, `waxseal: ${nowhere} cannot be written: there is no folder ${dirname(nowhere)}.\n`],
      )
    }
    const { ceremony } = await scene.done('ceremony', 'show', '--data', scene.data)
    assert.equal(ceremony, null)
  })
})

describe('waxseal ceremony begin', () => {
  it('passes over no option in silence', async () => {
    await using scene = await CeremonyScene.open()
    const [anna, ben] = [await scene.holder('anna'), await scene.holder('ben')]
    const data = ['--data', scene.data]
    const wrong = async (words: RegExp, ...args: readonly string[]): Promise<void> => {
      const { code, stderr } = await scene.run('ceremony', 'begin', ...data, ...args)
      assert.equal(code, 2, stderr)
      assert.match(stderr, words)
    }
    const first = ['--first', '--root-key', anna.pub]
    await wrong(/leave out --replace, --renew/, ...first, '--replace', `${anna.pub}=${ben.pub}`, '--renew', 'all')
    await wrong(
      /leave out --versions-above, --online, --request/,
      ...first,
      '--versions-above',
      '3',
      '--online',
      'pages=new',
      '--request',
      'a',
    )
    await wrong(/leave out --renew, --root-key/, '--request', 'a.json', '--renew', 'root', '--root-key', anna.pub)
    await wrong(/--size is for --first alone/, '--renew', 'root', '--size', 'small')
    await wrong(
      /--root-key .*anna\.pem\.pub: this key was named before/,
      ...first,
      '--root-key',
      anna.pub,
      '--root-threshold',
      '1',
    )
    assert.ok(!existsSync(scene.data))
  })

  it('says who goes on signing where only a half is handed over, and how to sign with the known root', async () => {
    await using scene = await CeremonyScene.open()
    const [anna, ben] = [await scene.holder('anna'), await scene.holder('ben')]
    await scene.first([anna], 1)
    const begin = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await scene.run('ceremony', 'begin', '--data', scene.data, ...args)
      assert.equal(code, 0, stderr)
      await scene.done('ceremony', 'abandon', '--data', scene.data)
      return stdout
    }
    const half = await begin('--root-key', ben.pub)
    const id = anna.keyid.slice(0, 8)
    assert.match(
      half,
      new RegExp(`NOTE: targets, the sealed roles and bins stay with 1 of these keys: ${id}\\. .*--targets-key`),
    )
    assert.match(half, /waxseal sign FILE --key KEY --root ROOT\n.*1\.root\.json/)
    assert.match(await begin('--targets-key', ben.pub), new RegExp(`NOTE: root stays with 1 of these keys: ${id}`))
    assert.doesNotMatch(await begin('--root-key', ben.pub, '--targets-key', ben.pub), /NOTE/)
    const few = await scene.refused('ceremony', 'begin', '--data', scene.data, '--root-threshold', '2')
    assert.equal(few.message, 'root would need 2 of 1 keys.')
  })
})

describe('what is said of a file', () => {
  it('names it, and what it is instead', async () => {
    await using scene = await CeremonyScene.open()
    const [anna, ben] = [await scene.holder('anna'), await scene.holder('ben')]
    await scene.first([anna, ben], 1)
    const request = await scene.begin('--renew', 'root')
    const signature = await scene.sign(request, anna)
    const junk = join(scene.folder, 'junk.json')
    await writeFile(junk, 'no json')
    const named = async (file: string, words: RegExp, ...args: readonly string[]): Promise<void> => {
      const { message } = await scene.refused(...args)
      assert.ok(message.startsWith(file), message)
      assert.match(message, words)
    }
    const key = ['--key', anna.file, '--yes']
    await named(junk, /not acceptable JSON/, 'sign', junk, ...key)
    await named(anna.file, /is a private key, not the request/, 'sign', anna.file, ...key)
    await named(signature, /is signatures of a ceremony, not the request/, 'sign', signature, ...key)
    await named(junk, /not acceptable JSON/, 'sign', request, ...key, '--root', junk)
    await named(request, /is the request of a ceremony, not a root/, 'sign', request, ...key, '--root', request)
    await named(anna.pub, /is no encrypted key/, 'sign', request, '--key', anna.pub, '--yes')
    const { code, message } = await scene.refused('ceremony', 'publish', '--data', scene.data)
    assert.equal(code, 'threshold-not-met')
    assert.match(message, /root, by its old keys has 0 of 1 signatures.*waxseal ceremony show/)
    await named(junk, /not acceptable JSON/, 'ceremony', 'import', '--data', scene.data, signature, junk)
    await named(
      request,
      /is the request of a ceremony, not signatures/,
      'ceremony',
      'import',
      '--data',
      scene.data,
      request,
    )
    await scene.import(signature, await scene.sign(request, ben))
    const shown = await scene.run('ceremony', 'show', '--data', scene.data)
    assert.match(shown.stdout, /root, by its old keys: 2 have signed, where 1 would do \(/)
    const lying = join(scene.data, 'ceremony/request.json')
    await writeFile(lying, (await readFile(lying, 'utf8')).slice(0, -10))
    await named(
      lying,
      /is damaged, or was changed: .*waxseal ceremony abandon/,
      'ceremony',
      'show',
      '--data',
      scene.data,
    )
    await scene.done('ceremony', 'abandon', '--data', scene.data)
    await named(junk, /not acceptable JSON/, 'ceremony', 'begin', '--data', scene.data, '--request', junk)
  })

  it('is that it is published already, of a request that is taken up again', async () => {
    await using scene = await CeremonyScene.open()
    const anna = await scene.holder('anna')
    await scene.first([anna], 1)
    const request = await scene.begin('--renew', 'root')
    await scene.import(await scene.sign(request, anna))
    await scene.publish()
    const { code, message } = await scene.refused('ceremony', 'begin', '--data', scene.data, '--request', request)
    assert.equal(code, 'conflict')
    assert.match(message, /published already: go on with the next/)
  })
})
