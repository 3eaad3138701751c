import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inspect } from 'node:util'
import { TrustError } from '../error.ts'
import { readSignerConfig } from './signer-config.ts'
import type { SignerConfig } from './signer-config.ts'

interface Case {
  readonly uri: string
  readonly table: Readonly<Record<string, unknown>>
  readonly config: SignerConfig
}

const CASES: readonly Case[] = [
  {
    uri: 'file:keys/time%20stamp.key?passphrase-file=/run/secrets/p',
    table: { kind: 'file', path: 'keys/time stamp.key', 'passphrase-file': '/run/secrets/p' },
    config: { kind: 'file', path: 'keys/time stamp.key', passphrase: { kind: 'file', path: '/run/secrets/p' } },
  },
  {
    uri: 'file:///etc/waxseal/online.pem',
    table: { kind: 'file', path: '/etc/waxseal/online.pem' },
    config: { kind: 'file', path: '/etc/waxseal/online.pem', passphrase: undefined },
  },
  {
    uri: 'env:WAXSEAL_KEY_TIMESTAMP',
    table: { kind: 'env', variable: 'WAXSEAL_KEY_TIMESTAMP' },
    config: { kind: 'env', variable: 'WAXSEAL_KEY_TIMESTAMP' },
  },
  {
    uri: 'pkcs11:token=our%20keys;id=%01%AB?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/secrets/pin',
    table: {
      kind: 'pkcs11',
      token: 'our keys',
      id: '01ab',
      'module-path': '/usr/lib/softhsm/libsofthsm2.so',
      'pin-file': '/run/secrets/pin',
    },
    config: {
      kind: 'pkcs11',
      module: '/usr/lib/softhsm/libsofthsm2.so',
      token: 'our keys',
      id: '01ab',
      pin: { kind: 'file', path: '/run/secrets/pin' },
      tool: undefined,
    },
  },
  {
    uri: 'vault:infra/transit/online?version=3&address=https://vault.example:8200&token-env=VAULT_TOKEN&namespace=team',
    table: {
      kind: 'vault',
      mount: 'infra/transit',
      name: 'online',
      version: 3,
      address: 'https://vault.example:8200',
      'token-env': 'VAULT_TOKEN',
      namespace: 'team',
    },
    config: {
      kind: 'vault',
      address: 'https://vault.example:8200',
      mount: 'infra/transit',
      name: 'online',
      version: 3,
      token: { kind: 'env', variable: 'VAULT_TOKEN' },
      namespace: 'team',
      caFile: undefined,
    },
  },
  {
    uri: 'awskms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd?region=eu-central-1&profile=ops',
    table: {
      kind: 'awskms',
      'key-id': 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd',
      region: 'eu-central-1',
      profile: 'ops',
    },
    config: {
      kind: 'awskms',
      keyId: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd',
      region: 'eu-central-1',
      endpoint: undefined,
      profile: 'ops',
      caFile: undefined,
    },
  },
  {
    uri: 'awskms:alias/online?region=us-gov-west-1&endpoint=https://kms-fips.us-gov-west-1.amazonaws.com&ca-file=/etc/ca.pem',
    table: {
      kind: 'awskms',
      'key-id': 'alias/online',
      region: 'us-gov-west-1',
      endpoint: 'https://kms-fips.us-gov-west-1.amazonaws.com',
      'ca-file': '/etc/ca.pem',
    },
    config: {
      kind: 'awskms',
      keyId: 'alias/online',
      region: 'us-gov-west-1',
      endpoint: 'https://kms-fips.us-gov-west-1.amazonaws.com',
      profile: undefined,
      caFile: '/etc/ca.pem',
    },
  },
]

suite('where a key is', () => {
  for (const { uri, table, config } of CASES) {
    test(`is said by ${uri}, and by a table just so`, () => {
      assert.deepEqual(readSignerConfig(uri), config)
      assert.deepEqual(readSignerConfig(table), config)
    })
  }
})

const REFUSED: readonly (readonly [unknown, RegExp])[] = [
  ['', /none of the forms file:, env:, pkcs11:, vault:, awskms:/],
  ['/etc/key.pem', /none of the forms/],
  ['gcpkms:x', /its kind is none of/],
  ['constructor:x', /its kind is none of/],
  [{ kind: '__proto__' }, /its kind is none of/],
  [{}, /its kind is none of/],
  [null, /neither a text nor a table/],
  [['file:x'], /neither a text nor a table/],
  [{ kind: 'file', path: 7 }, /"path" is no text/],
  ['file:', /path is empty/],
  ['file:x?passphrase=hunter2', /file has no "passphrase", but path, passphrase-file, passphrase-env/],
  ['file:x?passphrase-file=a&passphrase-env=B', /exclude each other/],
  ['file:x?passphrase-file=a&passphrase-file=b', /"passphrase-file" stands there twice/],
  ['file:x?path=hunter2', /"path" stands there twice/],
  ['file:x?passphrase-file', /"passphrase-file" has no value/],
  ['file:%zz', /percent sign/],
  ['file:a%0Ab', /path is empty, too long, or more than one line/],
  ['env:', /variable is empty/],
  ['env:A-B', /variable is malformed/],
  ['pkcs11:token=t;id=%01?module-path=/m', /pkcs11 needs pin-file or pin-env/],
  [
    'pkcs11:token=t;id=%01?module-path=/m&pin-value=hunter2',
    /pin-value would put the PIN where many read it: use pin-file or pin-env/,
  ],
  ['pkcs11:token=t;object=root?module-path=/m&pin-env=PIN', /pkcs11 has no "object", but module-path, token, id/],
  ['pkcs11:token=t?module-path=/m&pin-env=PIN', /pkcs11 needs id/],
  [{ kind: 'pkcs11', token: 't', id: '0', 'module-path': '/m', 'pin-env': 'PIN' }, /id is malformed/],
  ['vault:transit/k?address=https://v&token-env=T', /vault needs version/],
  ['vault:transit/k?address=https://v&token-env=T&version=0', /version is malformed/],
  ['vault:transit/k?address=https://v&token-env=T&version=latest', /version is malformed/],
  ['vault:k?address=https://v&token-env=T&version=1', /mount is empty/],
  ['vault:transit/%2e%2e%2fsys?address=https://v&token-env=T&version=1', /name is malformed/],
  ['vault:transit/k?address=https://v&version=1', /vault needs token-file or token-env/],
  ['vault:transit/k?address=https://v&version=1&token=hunter2', /vault has no "token"/],
  ['vault:transit/k?address=https://v&version=1&token-env=hvs.hunter2', /token-env is no name of a variable/],
  [
    'vault:transit/k?address=https://me:hunter2@v&token-env=T&version=1',
    /address of Vault holds more than host and path/,
  ],
  ['vault:transit/k?address=http://v&token-env=T&version=1', /address of Vault is http:/],
  ['awskms:alias/x?region=eu-central-1&endpoint=https://hunter2@kms', /AWS KMS holds more than host and path/],
  ['awskms:alias/x', /awskms needs region/],
  ['awskms:alias/x?region=evil.example/', /region is malformed/],
  ['awskms:?region=eu-central-1', /key-id is empty/],
]

suite('what does not say where a key is', () => {
  for (const [input, pattern] of REFUSED) {
    test(`is refused by what is wrong with it: ${inspect(input)}`, () => {
      assert.throws(
        () => readSignerConfig(input),
        (error) => {
          assert.ok(error instanceof TrustError)
          assert.equal(error.code, 'signer-failed')
          assert.match(error.message, pattern)
          assert.ok(!error.message.includes('hunter2'))
          return true
        },
      )
    })
  }
})
