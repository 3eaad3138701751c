import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { eventMessage, isSignedMessage, publicText, readPublicText, signedHeaders } from './webhook-message.ts'

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The example of standard-webhooks' own libraries (`TestAsymmetricWebhookSign`). */
const SEED = Buffer.from('VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=', 'base64')
const EXAMPLE = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' }
const SIGNATURE = 'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=='
const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, SEED]), format: 'der', type: 'pkcs8' })

test('a message is signed as Standard Webhooks has it', async () => {
  assert.deepEqual(await signedHeaders(EXAMPLE, keySigner(privateKey), 1_614_265_330_999), {
    'webhook-id': EXAMPLE.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': SIGNATURE,
  })
})

test('a signature holds for these bytes, this id, this time and this key; one of several is enough', () => {
  const key = readPublicText(publicText(keySigner(privateKey).key)) ?? assert.fail('no key')
  const message = { id: EXAMPLE.id, timestamp: '1614265330', signature: SIGNATURE, body: Buffer.from(EXAMPLE.body) }
  assert.ok(isSignedMessage(message, key))
  assert.ok(isSignedMessage({ ...message, signature: `v1,abc v1a,AAAA ${SIGNATURE}` }, key))
  assert.ok(!isSignedMessage({ ...message, body: Buffer.from(`${EXAMPLE.body} `) }, key))
  assert.ok(!isSignedMessage({ ...message, id: 'msg_other' }, key))
  assert.ok(!isSignedMessage({ ...message, timestamp: '1614265331' }, key))
  for (const signature of ['', 'v1a,', SIGNATURE.replace('v1a,', 'v1,'), SIGNATURE.replace('v1a,', '')]) {
    assert.ok(!isSignedMessage({ ...message, signature }, key), signature)
  }
  assert.ok(!isSignedMessage(message, createPublicKey(generatePrivateKey())))
})

test('a public key is told as whpk_ and read again; whatever else is none', () => {
  const { key } = keySigner(privateKey)
  const text = publicText(key)
  assert.match(text, /^whpk_[A-Za-z0-9+/]{43}=$/)
  assert.ok(readPublicText(text)?.equals(key.keyObject))
  for (const wrong of ['', 'whpk_', text.slice(5), `whsk_${text.slice(5)}`, `${text.slice(0, -4)}=`]) {
    assert.equal(readPublicText(wrong), undefined, wrong)
  }
})

test('a key of another kind signs no message', async () => {
  const signer = keySigner(generatePrivateKey('ecdsa-sha2-nistp256'))
  await assert.rejects(signedHeaders(EXAMPLE, signer, 0), { code: 'config-invalid', message: /Ed25519/ })
  assert.throws(() => publicText(signer.key), { code: 'config-invalid' })
})

test('an event has the same message whenever it is sent, and another one has another id, even of the same number', () => {
  const event = { id: 7, kind: 'user-created', at: 'T', actor: 'root', project: null, detail: { user: 'a' } } as const
  const message = eventMessage(event)
  assert.deepEqual(message, eventMessage({ ...event }))
  assert.match(message.id, /^evt_7_[0-9a-f]{16}$/)
  assert.deepEqual(JSON.parse(message.body), {
    type: 'user-created',
    timestamp: 'T',
    data: { id: 7, actor: 'root', project: null, detail: { user: 'a' } },
  })
  assert.notEqual(eventMessage({ ...event, detail: { user: 'b' } }).id, message.id)
})
