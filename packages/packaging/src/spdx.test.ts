import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_LICENSE_EXPRESSION_LENGTH, MAX_NESTING_DEPTH } from './limits.ts'
import { SPDX_EXCEPTION_IDS, SPDX_LICENSE_IDS } from './spdx-ids.ts'
import { normalizeLicenseExpression } from './spdx.ts'

const metadataInvalid = { name: 'PackagingError', code: 'metadata-invalid' }

test('an expression is given its official spelling', () => {
  const table: readonly (readonly [string, string])[] = [
    ['mit', 'MIT'],
    ['apache-2.0 AND bsd-2-clause', 'Apache-2.0 AND BSD-2-Clause'],
    ['mit and(apache-2.0 or bsd-2-clause)', 'MIT AND (Apache-2.0 OR BSD-2-Clause)'],
    ['gpl-2.0-or-later with classpath-exception-2.0', 'GPL-2.0-or-later WITH Classpath-exception-2.0'],
    ['GPL-2.0+', 'GPL-2.0+'],
    ['licenseref-Our.Own-1', 'LicenseRef-Our.Own-1'],
    ['((MIT))', '((MIT))'],
    ['(GPL-3.0-only WITH GCC-exception-3.1 OR MIT) AND\tISC', '(GPL-3.0-only WITH GCC-exception-3.1 OR MIT) AND ISC'],
  ]
  for (const [expression, normal] of table) {
    assert.equal(normalizeLicenseExpression(expression), normal)
    assert.equal(normalizeLicenseExpression(normal), normal)
  }
})

test('what is not an expression is refused', () => {
  for (const expression of [
    '',
    ' ',
    'Use-it-after-midnight',
    'MIT OR',
    'OR MIT',
    'MIT MIT',
    '(MIT',
    'MIT)',
    '()',
    'MIT ()',
    'MIT WITH',
    'MIT WITH MIT',
    '(MIT) WITH Classpath-exception-2.0',
    'MIT WITH Classpath-exception-2.0 WITH Classpath-exception-2.0',
    'LicenseRef-',
    'LicenseRef-a_b',
    'LicenseRef-a+',
    'MIT++',
    'MIT/Apache-2.0',
    'M\u0130T',
    'NONE',
    'constructor',
    '__proto__',
  ]) {
    assert.throws(() => normalizeLicenseExpression(expression), metadataInvalid, expression)
  }
})

test('REDOS: length and nesting have caps', () => {
  const nested = (depth: number) => `${'('.repeat(depth)}MIT${')'.repeat(depth)}`
  assert.equal(normalizeLicenseExpression(nested(MAX_NESTING_DEPTH)), nested(MAX_NESTING_DEPTH))
  assert.throws(() => normalizeLicenseExpression(nested(MAX_NESTING_DEPTH + 1)), metadataInvalid)
  assert.throws(() => normalizeLicenseExpression(`MIT${' '.repeat(MAX_LICENSE_EXPRESSION_LENGTH)}`), metadataInvalid)
})

test('the list holds every identifier once, whatever its case', () => {
  assert.ok(SPDX_LICENSE_IDS.length > 690 && SPDX_EXCEPTION_IDS.length > 75)
  for (const ids of [SPDX_LICENSE_IDS, SPDX_EXCEPTION_IDS]) {
    assert.equal(new Set(ids.map((id) => id.toLowerCase())).size, ids.length)
  }
})
