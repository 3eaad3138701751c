import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkProjectStatus, checkUploader, nameRight, rightFromPresence } from './upload-name.ts'
import type { Uploader } from './upload-name.ts'

const member: Uploader = { scope: 'upload' }
const limited: Uploader = { scope: 'upload', project: 'corp-app' }
const administrator: Uploader = { scope: 'admin' }

test('a token that may only read uploads nothing', () => {
  assert.deepEqual(checkUploader('app', { scope: 'read' }), {
    kind: 'refused',
    code: 'token-scope',
    message: "The given token isn't allowed to upload to project 'app'. It may only read.",
  })
  assert.equal(checkUploader('app', member), undefined)
  assert.equal(checkUploader('app', administrator), undefined)
})

test('TOK-2: a token of one project uploads to that project and no other, not even as an administrator', () => {
  assert.equal(checkUploader('corp-app', limited), undefined)
  for (const scope of ['upload', 'admin'] as const) {
    assert.deepEqual(checkUploader('other', { ...limited, scope }), {
      kind: 'refused',
      code: 'token-scope',
      message: "The given token isn't allowed to upload to project 'other'. It is limited to the project 'corp-app'.",
    })
  }
})

test('TOK-2: a token of one project never creates a name', () => {
  const undecided = nameRight('corp-app', { kind: 'undecided', needsApproval: false }, limited)
  assert.equal(undecided.kind === 'refused' && undecided.code, 'name-not-yours')
  const reserved = nameRight('corp-app', { kind: 'reserved', prefix: 'corp' }, limited)
  assert.equal(reserved.kind === 'refused' && reserved.code, 'name-reserved')
  assert.deepEqual(nameRight('corp-app', { kind: 'internal' }, limited), { kind: 'internal' })
})

test('truth table row 10: a name that belongs to an upstream takes no upload, whoever asks', () => {
  for (const uploader of [member, limited, administrator]) {
    assert.deepEqual(nameRight('requests', { kind: 'upstream', upstream: 'pypi', needsApproval: false }, uploader), {
      kind: 'refused',
      code: 'name-upstream',
      message: "The name 'requests' belongs to 'pypi'. An administrator can claim it: waxseal project claim requests",
    })
  }
})

test('truth table row 4: under a granted prefix an upload claims the name without asking anybody upstream', () => {
  assert.deepEqual(nameRight('corp-new', { kind: 'reserved', prefix: 'corp' }, member), {
    kind: 'claim',
    by: 'upload',
    evidence: ['prefix corp'],
  })
})

test('DC-19: an administrator claims an undecided name without asking upstream, everybody else asks', () => {
  assert.equal(nameRight('app', { kind: 'undecided', needsApproval: false }, administrator).kind, 'claim')
  assert.equal(nameRight('app', { kind: 'undecided', needsApproval: false }, member).kind, 'ask-upstreams')
})

test('what the upstreams say decides a claim by upload', () => {
  assert.deepEqual(rightFromPresence('app', { kind: 'absent', evidence: ['pypi: 404'] }), {
    kind: 'claim',
    by: 'upload',
    evidence: ['pypi: 404'],
  })
  const present = rightFromPresence('app', { kind: 'present', upstream: 'pypi' })
  assert.deepEqual(present, {
    kind: 'refused',
    code: 'name-upstream',
    message: "The name 'app' exists upstream at 'pypi'. An administrator can claim it: waxseal project claim app",
  })
  const unknown = rightFromPresence('app', { kind: 'unknown', upstream: 'pypi', reason: 'timed out' })
  assert.equal(unknown.kind === 'refused' && unknown.code, 'name-claim-unverified')
})

test('PEP 792: archived and quarantined projects take no uploads', () => {
  const project = { name: 'app', status_reason: null }
  assert.equal(checkProjectStatus({ ...project, status: 'active' }), undefined)
  assert.equal(checkProjectStatus({ ...project, status: 'deprecated' }), undefined)
  assert.equal(checkProjectStatus({ ...project, status: 'archived' })?.code, 'upload-project-archived')
  assert.deepEqual(checkProjectStatus({ ...project, status: 'quarantined', status_reason: 'malware' }), {
    kind: 'refused',
    code: 'upload-project-quarantined',
    message:
      "The project 'app' is quarantined (malware) and takes no uploads. Ask an administrator of this index to lift it.",
  })
})
