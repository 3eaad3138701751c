import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Namespaces } from '@waxseal/index/names'
import type { DefaultPolicy, NameRecord } from '@waxseal/index/names'
import { nameRecord, SINCE as since } from '../../../test/support/name-record.ts'
import { judgeName } from './name-rules.ts'
import type { NameEvidence } from './name-rules.ts'

const RECORD = nameRecord('acme-app')
const UPSTREAM: NameRecord = { ...RECORD, authority: 'upstream', sources: ['pypi'] }
const UNCLAIMED: NameRecord = { ...RECORD, authority: 'unclaimed', sources: [] }
const NOTHING: NameEvidence = {
  project: 'acme-app',
  record: undefined,
  sealed: false,
  namespaces: new Namespaces(),
  defaults: undefined,
  denials: [],
  isGoverned: false,
}
const acme = (claims: 'offline' | 'online'): Partial<NameEvidence> => ({
  namespaces: new Namespaces([{ name: 'acme', owner: 'core', visibility: 'private', claims, since }]),
  isGoverned: true,
})
const defaulting = (mode: 'open' | 'approve' | 'deny', more: Partial<DefaultPolicy> = {}): Partial<NameEvidence> => ({
  defaults: { unclaimed: [{ pattern: 'acme-*', mode }], cooldown: 0, approvals: 1, ...more },
  isGoverned: true,
})
const merge = { owner: 'local', extender: 'pypi', extend: 'platform-wheels', consent: 'ada' } as const
const MERGED: NameRecord = { ...RECORD, authority: 'merged', sources: ['local', 'pypi'], merge }
const FILES = new Map([['acme_app-1.0-py3-none-any.whl', 'a'.repeat(64)]])

/** The rule, and what it comes to in a word or two. */
function judged(evidence: Partial<NameEvidence>): string {
  const { rule, refusal, files } = judgeName({ ...NOTHING, ...evidence })
  if (refusal !== undefined) return `${rule}: ${refusal.code}`
  const sources = typeof files.sources === 'string' ? files.sources : `[${files.sources.join()}]`
  return `${rule}: ${sources}${files.closed === undefined ? '' : ` ${files.closed}`}`
}

describe('what decides about a name', () => {
  for (const [what, evidence, expected] of [
    ['nothing, in an index from before names were signed', {}, 'none: unsaid'],
    ['nothing, in an index that signs records', { isGoverned: true }, 'none: upstreams'],
    ['a claimed record', { record: RECORD }, 'claimed-record: [local]'],
    ['a sealed record', { record: RECORD, sealed: true }, 'sealed-record: [local]'],
    ['a closed record', { record: { ...RECORD, closed: true }, sealed: true }, 'sealed-record: [local] by-record'],
    ['a record over the default', { record: RECORD, ...defaulting('deny') }, 'claimed-record: [local]'],

    ['DC-11: a namespace, over what does not exist', acme('online'), 'namespace: name-refused'],
    [
      'DC-11: a namespace, over what nobody claimed',
      { record: UNCLAIMED, ...acme('online') },
      'namespace: name-refused',
    ],
    ['a claim in a namespace where that is enough', { record: RECORD, ...acme('online') }, 'claimed-record: [local]'],
    [
      'KC-3: a namespace, over an upstream that was claimed',
      { record: UPSTREAM, ...acme('online') },
      'claimed-record: []',
    ],
    [
      'KC-3: a namespace, over a claim that is not sealed',
      { record: RECORD, ...acme('offline') },
      'namespace: name-refused',
    ],
    ['a seal in a namespace', { record: RECORD, sealed: true, ...acme('offline') }, 'sealed-record: [local]'],
    [
      'a sealed upstream in a namespace',
      { record: UPSTREAM, sealed: true, ...acme('offline') },
      'sealed-record: [pypi]',
    ],
    ['not the namespace of others', { project: 'acmeology', ...acme('offline') }, 'none: upstreams'],

    ['a default that denies', defaulting('deny'), 'default: name-refused'],
    [
      'a default that denies, over what nobody claimed',
      { record: UNCLAIMED, ...defaulting('deny') },
      'default: name-refused',
    ],
    ['a default that wants approvals', defaulting('approve'), 'default: name-refused'],
    [
      'approvals of what nobody claimed',
      { record: { ...UNCLAIMED, files: FILES, closed: true }, ...defaulting('approve') },
      'claimed-record: upstreams until-approved',
    ],
    [
      'APP-TOCTOU: approvals, where the record forgets that they are needed',
      { record: { ...UPSTREAM, files: FILES }, ...defaulting('approve') },
      'claimed-record: [pypi] until-approved',
    ],
    [
      'a sealed upstream that is open, over approvals',
      { record: UPSTREAM, sealed: true, ...defaulting('approve') },
      'sealed-record: [pypi]',
    ],
    [
      'APP-TOCTOU: approvals, over a merge that only the server claims',
      { record: MERGED, ...defaulting('approve') },
      'claimed-record: [local,pypi] until-approved',
    ],
    [
      'a claimed merge that is closed, over approvals',
      { record: { ...MERGED, closed: true }, ...defaulting('approve') },
      'claimed-record: [local,pypi] by-record',
    ],
    [
      'a sealed merge, over approvals',
      { record: MERGED, sealed: true, ...defaulting('approve') },
      'sealed-record: [local,pypi]',
    ],
    ['a default that is open', defaulting('open'), 'default: upstreams'],
    ['a record that only lifts', { record: UNCLAIMED, isGoverned: true }, 'claimed-record: upstreams'],
  ] as const) {
    test(what, () => assert.equal(judged(evidence), expected))
  }

  test('over all of them, what is denied', () => {
    const denial = {
      n: 7,
      project: 'acme-app',
      overlay: 'quarantined',
      reason: 'looked at',
      since,
      until: since,
    } as const
    assert.equal(judged({ record: RECORD, sealed: true, denials: [denial] }), 'denied: denied')
    const { refusal } = judgeName({ ...NOTHING, denials: [denial] })
    assert.match(
      refusal?.reason ?? '',
      /^acme-app is quarantined since 2026-03-01 until 2026-03-01 12:00 UTC \(denial 7\): looked at\./,
    )
    assert.equal(judged({ record: RECORD, denials: [{ ...denial, version: '1.0' }] }), 'claimed-record: [local]')
  })

  test('what is refused names the rule and the way out', () => {
    const reason = (evidence: Partial<NameEvidence>): string =>
      judgeName({ ...NOTHING, ...evidence }).refusal?.reason ?? ''
    assert.match(reason(acme('offline')), /namespace acme of core.*waxseal project claim acme-app$/)
    assert.match(reason({ record: RECORD, ...acme('offline') }), /claimed but not sealed.*waxseal seal\.$/)
    assert.match(reason(defaulting('deny')), /\(acme-\*: deny\).*waxseal request acme-app$/)
    assert.match(reason(defaulting('approve')), /\(acme-\*: approve\).*waxseal request acme-app$/)
  })

  test('the cooldown counts for upstreams, and not within a merge that holders sealed, which is a statement about both', () => {
    const cooling = defaulting('open', { cooldown: 60 })
    const cooldown = (evidence: Partial<NameEvidence>): number =>
      judgeName({ ...NOTHING, ...evidence, ...cooling }).files.cooldown
    assert.equal(cooldown({}), 60)
    assert.equal(cooldown({ record: UPSTREAM }), 60)
    assert.equal(cooldown({ record: MERGED }), 60, 'COOL-1: whoever holds the keys of the server may claim one')
    assert.equal(cooldown({ record: MERGED, sealed: true }), 0)
  })
})
