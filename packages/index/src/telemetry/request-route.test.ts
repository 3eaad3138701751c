import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeOf } from './request-route.ts'

test('a route is a template without a name in it', () => {
  const cases: readonly (readonly [readonly string[] | undefined, string])[] = [
    [[], '/'],
    [['simple'], '/simple/'],
    [['simple', 'six'], '/simple/{project}/'],
    [['simple', 'six', 'x'], 'other'],
    [['files', 'six', 'aa', 'six-1.0.tar.gz'], '/files/{file}'],
    [['files', 'six', 'aa', 'six-1.0.whl.metadata'], '/files/{file}.metadata'],
    [['files', 'six', 'aa', 'six-1.0.whl.provenance'], '/files/{file}.provenance'],
    [['files', 'six'], 'other'],
    [['legacy'], '/legacy/'],
    [['pypi', 'six', 'json'], '/pypi/{project}/json'],
    [['why', 'six', '1.0'], '/why/{project}'],
    [['docs', 'errors', 'not-found'], '/docs/'],
    [['api', 'v1', 'tokens', 'abc'], 'other'],
    [['-', 'health'], '/-/health'],
    [['metrics'], '/metrics'],
    [['anything'], 'other'],
    [['anything', 'else', 'at', 'all'], 'other'],
    [undefined, 'other'],
  ]
  for (const [segments, route] of cases) assert.equal(routeOf(segments), route)
})
