import assert from 'node:assert/strict'
import { test } from 'node:test'
import { directUrl } from './direct-url.ts'

for (const [requirement, url] of [
  ['https://evil.example/x.whl', 'https://evil.example/x.whl'],
  ['  HTTPS:/evil.example/x.whl', 'HTTPS:/evil.example/x.whl'],
  ['x @ https://evil.example/x.whl', 'https://evil.example/x.whl'],
  [
    'x[extra,more]@https://evil.example/x.whl ; python_version > "3"',
    'https://evil.example/x.whl ; python_version > "3"',
  ],
  ['git+https://evil.example/x', 'git+https://evil.example/x'],
  ['x @ git+ssh://git@evil.example/x@main', 'git+ssh://git@evil.example/x@main'],
  ['git+file:///srv/x', 'git+file:///srv/x'],
  ['git@evil.example:x', 'evil.example:x'],
  ['ssh://evil.example/x', 'ssh://evil.example/x'],
  ['file://evil.example/share/x.whl', 'file://evil.example/share/x.whl'],
] as const) {
  test(`${requirement} names a URL`, () => assert.equal(directUrl(requirement), url))
}

for (const requirement of [
  'x',
  'x==1.0',
  'x[extra]>=1!2.0 ; sys_platform == "a:b"',
  './x',
  '../x@1.0',
  '/srv/x.whl',
  '.',
  String.raw`C:\x.whl`,
  'file:///srv/x.whl',
  'x @ file:///srv/x.whl',
]) {
  test(`${requirement} names none`, () => assert.equal(directUrl(requirement), undefined))
}
