import { constants, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { TrustError } from './error.ts'
import { PSS, publicKeyOf } from './public-key.ts'
import type { KeyScheme } from './public-key.ts'
import type { Signer } from './signer.ts'

/** A signer whose private key is in this process. */
export function keySigner(privateKey: KeyObject): Signer {
  const key = publicKeyOf(createPublicKey(privateKey))
  return {
    key,
    async sign(bytes) {
      try {
        return signWith(privateKey, key.scheme, bytes)
      } catch (cause) {
        throw new TrustError('signer-failed', `The key ${key.keyid} could not sign: take your copy of its file.`, {
          cause,
        })
      }
    },
  }
}

/** A new private key. RSA has 3,072 bits. */
export function generatePrivateKey(scheme: KeyScheme = 'ed25519'): KeyObject {
  switch (scheme) {
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
    case 'ecdsa-sha2-nistp256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'rsassa-pss-sha256':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
  }
}

function signWith(privateKey: KeyObject, scheme: KeyScheme, bytes: Uint8Array): Uint8Array {
  switch (scheme) {
    case 'ed25519':
      return sign(null, bytes, privateKey)
    case 'ecdsa-sha2-nistp256':
      return sign('sha256', bytes, privateKey)
    case 'rsassa-pss-sha256':
      // As securesystemslib: a salt as long as the hash, which every verifier takes.
      return sign('sha256', bytes, { key: privateKey, ...PSS, saltLength: constants.RSA_PSS_SALTLEN_DIGEST })
  }
}
