import assert from 'node:assert/strict'
import { STATUS_CODES } from 'node:http'
import { test } from 'node:test'
import { foldReason } from './reason-phrase.ts'
import { refusalKind, refusalPages } from './refusal-catalogue.ts'

test('every code is a lower-case slug with a registered status, a title and a next step', () => {
  for (const { code, status, title, help } of refusalPages()) {
    assert.match(code, /^[a-z]+(?:-[a-z]+)*$/)
    assert.ok(STATUS_CODES[status], `${code}: ${status}`)
    assert.match(title, /^[A-Z].*[^.]$|^entry_points/, `${code}: the title is a sentence without its full stop`)
    assert.match(help, /^.*\.$/, `${code}: the help is a sentence`)
    const text = `${title}. ${help}`
    assert.equal(foldReason(text), text, `${code}: title and help fit into a status line as they are`)
  }
})

test('no refusal of an upload is a 5xx: twine would send the whole file five times (behaviour.md 0.17)', () => {
  for (const { code, status } of refusalPages()) {
    if (/^(?:upload|name)-|^read-only$/.test(code)) assert.ok(status < 500, code)
  }
})

test('policy refusals of files are 403 or 410, whose reason pip prints (behaviour.md 3.1); a conflict is 409 (attacks.md 6.5)', () => {
  for (const { code, status } of refusalPages()) {
    if (/^file-(?!not-found)/.test(code))
      assert.ok(code === 'file-merge-conflict' ? status === 409 : status === 403 || status === 410, code)
  }
})

test('the texts that clients match on begin as they do on PyPI', () => {
  assert.match(refusalKind('upload-file-exists').title, /^File already exists/)
  assert.match(refusalKind('upload-identical-content').title, /^File already exists/)
  assert.match(refusalKind('upload-archive-invalid').title, /^Invalid distribution file/)
})
