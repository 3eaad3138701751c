import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import fsp from 'node:fs/promises'
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { TrustError } from '../error.ts'
import type { TrustErrorCode } from '../error.ts'
import { generatePrivateKey, keySigner } from '../key-signer.ts'
import { MAX_KEY_FILE } from '../limits.ts'
import { KEY_SCHEMES, isSignedBy } from '../public-key.ts'
import { decryptKey, encryptKey, readEncryptedKey } from './encrypted-key.ts'
import { changePassphrase, createKeyFile, openKeyFile, recogniseKeyFile } from './key-file.ts'

const CHEAP = { memory: 64, passes: 1, lanes: 1 }
const PASSPHRASE = 'correct horse battery'
const BYTES = Buffer.from('what is signed')

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-keys-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

function refused(code: TrustErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TrustError)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    return true
  }
}

suite('an encrypted key file', () => {
  for (const scheme of KEY_SCHEMES) {
    test(`gives back the ${scheme} key, and is recognised without its passphrase`, async (t) => {
      const path = join(await folderOf(t), 'root.key')
      const privateKey = generatePrivateKey(scheme)
      const { key } = keySigner(privateKey)
      await createKeyFile(path, privateKey, PASSPHRASE, CHEAP)
      assert.equal((await recogniseKeyFile(path)).keyid, key.keyid)
      const asked: string[] = []
      const signer = await openKeyFile(path, ({ keyid }) => {
        asked.push(keyid)
        return PASSPHRASE
      })
      assert.deepEqual(asked, [key.keyid])
      assert.ok(isSignedBy(key, BYTES, await signer.sign(BYTES)))
    })
  }

  test('is for its owner alone, and leaves nothing beside it', async (t) => {
    const folder = await folderOf(t)
    const path = join(folder, 'root.key')
    await createKeyFile(path, generatePrivateKey(), PASSPHRASE, CHEAP)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(folder), ['root.key'])
  })

  test('never takes the place of another, which may be the only copy of a key', async (t) => {
    const path = join(await folderOf(t), 'root.key')
    await createKeyFile(path, generatePrivateKey(), PASSPHRASE, CHEAP)
    const before = await readFile(path)
    for (const passphrase of [PASSPHRASE, undefined]) {
      await assert.rejects(
        createKeyFile(path, generatePrivateKey(), passphrase, CHEAP),
        refused('signer-failed', /there already/),
      )
    }
    assert.deepEqual(await readFile(path), before)
  })

  test('is one for two who make it at once: the other is refused', async (t) => {
    const folder = await folderOf(t)
    const path = join(folder, 'root.key')
    const keys = [generatePrivateKey(), generatePrivateKey()]
    const made = await Promise.allSettled(keys.map((key) => createKeyFile(path, key)))
    const [winner, ...others] = made.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
    assert.ok(winner !== undefined && others.length === 0)
    assert.equal((await openKeyFile(path)).key.keyid, keySigner(keys[winner] ?? assert.fail()).key.keyid)
    const [loser] = made.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    assert.match(String(loser), /there already/)
    assert.deepEqual(await readdir(folder), ['root.key'])
  })

  test('is made, and takes the place of none, on a file system without hard links too', async (t) => {
    const folder = await folderOf(t)
    const path = join(folder, 'root.key')
    t.mock.method(fsp, 'link', () => Promise.reject(Object.assign(new Error('no such operation'), { code: 'EPERM' })))
    syncBuiltinESMExports()
    t.after(() => {
      t.mock.restoreAll()
      syncBuiltinESMExports()
    })
    const privateKey = generatePrivateKey()
    await createKeyFile(path, privateKey)
    await assert.rejects(createKeyFile(path, generatePrivateKey()), refused('signer-failed', /there already/))
    assert.equal((await openKeyFile(path)).key.keyid, keySigner(privateKey).key.keyid)
    assert.deepEqual(await readdir(folder), ['root.key'])
  })

  test('has the parameters of argon2id that the documentation names', async () => {
    const file = await encryptKey(generatePrivateKey(), PASSPHRASE)
    const { kdf } = readEncryptedKey(file)
    assert.deepEqual(
      { memory: kdf.memory, passes: kdf.passes, lanes: kdf.lanes },
      { memory: 262_144, passes: 3, lanes: 4 },
    )
    await decryptKey(readEncryptedKey(file), PASSPHRASE)
  })

  test('stays closed to another passphrase, and to none', async (t) => {
    const path = join(await folderOf(t), 'root.key')
    await createKeyFile(path, generatePrivateKey(), PASSPHRASE, CHEAP)
    await assert.rejects(
      openKeyFile(path, () => 'incorrect horse battery'),
      refused('passphrase-wrong', /does not open/),
    )
    await assert.rejects(openKeyFile(path), refused('signer-failed', /encrypted: say where its passphrase is/))
  })

  test('opens with the new passphrase alone after it was changed', async (t) => {
    const path = join(await folderOf(t), 'root.key')
    const privateKey = generatePrivateKey()
    await createKeyFile(path, privateKey, PASSPHRASE, CHEAP)
    await assert.rejects(
      changePassphrase(path, 'not this one at all', 'a new one, longer', CHEAP),
      refused('passphrase-wrong', /./),
    )
    await changePassphrase(path, PASSPHRASE, 'a new one, longer', CHEAP)
    await assert.rejects(
      openKeyFile(path, () => PASSPHRASE),
      refused('passphrase-wrong', /./),
    )
    const signer = await openKeyFile(path, () => 'a new one, longer')
    assert.equal(signer.key.keyid, keySigner(privateKey).key.keyid)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  test('takes no passphrase that is short without the space around it, or endless', async () => {
    for (const passphrase of ['', '   short          ', 'x'.repeat(1025)]) {
      await assert.rejects(
        encryptKey(generatePrivateKey(), passphrase, { cost: CHEAP }),
        refused('passphrase-wrong', /12 to 1024/),
      )
    }
  })

  test('has nothing of the key or the passphrase in clear', async () => {
    const privateKey = generatePrivateKey()
    const file = Buffer.from(await encryptKey(privateKey, PASSPHRASE, { cost: CHEAP })).toString()
    const secret = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32)
    for (const text of [secret.toString('hex'), secret.toString('base64').slice(0, 40), PASSPHRASE])
      assert.ok(!file.includes(text))
  })

  test('is different every time: salt and nonce are never used twice', async () => {
    const privateKey = generatePrivateKey()
    const [one, two] = await Promise.all([1, 2].map(() => encryptKey(privateKey, PASSPHRASE, { cost: CHEAP })))
    assert.ok(one !== undefined && two !== undefined)
    assert.notDeepEqual(readEncryptedKey(one).kdf.salt, readEncryptedKey(two).kdf.salt)
    assert.notDeepEqual(readEncryptedKey(one).nonce, readEncryptedKey(two).nonce)
  })
})

suite('a key file that someone changed', () => {
  async function changed(change: (file: Record<string, unknown>) => void): Promise<Uint8Array> {
    const text = Buffer.from(await encryptKey(generatePrivateKey(), PASSPHRASE, { cost: CHEAP })).toString()
    const file = JSON.parse(text) as Record<string, unknown>
    change(file)
    return Buffer.from(JSON.stringify(file))
  }

  for (const [name, kdf] of Object.entries({
    'all memory': { memory: 524_289 },
    'four tebibytes of memory': { memory: 4_294_967_295 },
    'an hour': { passes: 11 },
    'a thousand threads': { lanes: 17, memory: 524_288 },
    'no memory': { memory: 0 },
    'less memory than its lanes need': { memory: 31, lanes: 4 },
  })) {
    test(`is refused before it costs ${name}`, async () => {
      const file = await changed((file) => Object.assign(file['kdf'] as object, kdf))
      assert.throws(() => readEncryptedKey(file), refused('key-invalid', /is no number from/))
    })
  }

  test('does not pass for another key: what stands in clear is bound to what is encrypted', async () => {
    const other = JSON.parse(
      Buffer.from(await encryptKey(generatePrivateKey(), PASSPHRASE, { cost: CHEAP })).toString(),
    ) as {
      key: unknown
      keyid: unknown
    }
    const file = await changed((file) => Object.assign(file, { key: other.key, keyid: other.keyid }))
    await assert.rejects(
      decryptKey(readEncryptedKey(file), PASSPHRASE),
      refused('passphrase-wrong', /or the file was changed/),
    )
    const note = await changed((file) => Object.assign(file, { note: 'added' }))
    await assert.rejects(decryptKey(readEncryptedKey(note), PASSPHRASE), refused('passphrase-wrong', /./))
  })

  test('is named as what it is', async () => {
    const cases: readonly (readonly [Uint8Array, RegExp])[] = [
      [await changed((file) => Object.assign(file, { version: 2 })), /newer version/],
      [await changed((file) => Object.assign(file, { _type: 'root' })), /no encrypted key of Waxseal/],
      [await changed((file) => Object.assign(file, { keyid: '00'.repeat(32) })), /public key is malformed/],
      [await changed((file) => Object.assign(file['kdf'] as object, { name: 'scrypt' })), /algorithms are unknown/],
      [await changed((file) => Object.assign(file['kdf'] as object, { salt: 'AAAA' })), /salt has not 16 bytes/],
      [await changed((file) => Object.assign(file['cipher'] as object, { nonce: '*' })), /nonce is no base64/],
      [await changed((file) => Object.assign(file, { ciphertext: 'AAAA' })), /cut off/],
      [Buffer.from('{"_type":'), /no JSON/],
      [Buffer.alloc(MAX_KEY_FILE + 1, 0x20), /too large/],
    ]
    for (const [bytes, pattern] of cases) assert.throws(() => readEncryptedKey(bytes), refused('key-invalid', pattern))
  })
})

suite('a key file in PEM', () => {
  for (const scheme of KEY_SCHEMES) {
    test(`signs with its ${scheme} key`, async (t) => {
      const path = join(await folderOf(t), 'online.pem')
      const privateKey = generatePrivateKey(scheme)
      await createKeyFile(path, privateKey)
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      const signer = await openKeyFile(path)
      assert.ok(isSignedBy(keySigner(privateKey).key, BYTES, await signer.sign(BYTES)))
    })
  }

  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    test(`is refused with mode ${mode.toString(8)}, with the command that mends it`, async (t) => {
      const path = join(await folderOf(t), 'online.pem')
      await createKeyFile(path, generatePrivateKey())
      await chmod(path, mode)
      await assert.rejects(
        openKeyFile(path),
        refused('signer-failed', new RegExp(`mode ${mode.toString(8)}.*chmod 600 ${path}`)),
      )
    })
  }

  test('is recognised also where others may read it: who looks for keys that lie about wants to know', async (t) => {
    const path = join(await folderOf(t), 'root.pem')
    const privateKey = generatePrivateKey()
    await createKeyFile(path, privateKey)
    await chmod(path, 0o644)
    await assert.rejects(openKeyFile(path), refused('signer-failed', /may be read by others/))
    assert.equal((await recogniseKeyFile(path)).keyid, keySigner(privateKey).key.keyid)
  })

  test('that is none is refused without a word of it', async (t) => {
    const path = join(await folderOf(t), 'online.pem')
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    })
    for (const [text, pattern] of [
      ['hunter2', /no private key in PEM/],
      [publicKey.export({ type: 'spki', format: 'pem' }), /no private key in PEM/],
      [encrypted, /encrypted PEM.*openssl pkey/],
      [small, /RSA of 2,048 to 8,192 bits/],
    ] as const) {
      await writeFile(path, text, { mode: 0o600 })
      await assert.rejects(openKeyFile(path), (error) => {
        refused('key-invalid', pattern)(error)
        assert.ok(!inspect(error).includes('hunter2'))
        return true
      })
    }
  })

  test('that is not there, too large, or a folder, is told with its path', async (t) => {
    const folder = await folderOf(t)
    const path = join(folder, 'large.pem')
    await writeFile(path, Buffer.alloc(MAX_KEY_FILE + 1), { mode: 0o600 })
    await assert.rejects(openKeyFile(path), refused('signer-failed', /larger than 65536 bytes/))
    await assert.rejects(openKeyFile(join(folder, 'none')), refused('signer-failed', /none cannot be read \(ENOENT\)/))
    await assert.rejects(openKeyFile(folder), refused('signer-failed', /cannot be read \(EISDIR\)/))
    await assert.rejects(
      createKeyFile(join(folder, 'no', 'root.key'), generatePrivateKey()),
      refused('signer-failed', /could not be written \(ENOENT\)/),
    )
  })
})

test('no form of a signer shows its private key', async (t) => {
  const path = join(await folderOf(t), 'online.pem')
  const privateKey = generatePrivateKey()
  await createKeyFile(path, privateKey)
  const signer = await openKeyFile(path)
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32)
  const shown = [inspect(signer, { depth: 9, showHidden: true }), JSON.stringify(signer)].join('')
  for (const encoding of ['hex', 'base64', 'latin1'] as const) assert.ok(!shown.includes(secret.toString(encoding)))
  const jwk = privateKey.export({ format: 'jwk' })
  assert.ok(jwk.d !== undefined && !shown.includes(jwk.d))
})
