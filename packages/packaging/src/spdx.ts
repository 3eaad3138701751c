import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_LICENSE_EXPRESSION_LENGTH, MAX_NESTING_DEPTH } from './limits.ts'
import { SPDX_EXCEPTION_IDS, SPDX_LICENSE_IDS } from './spdx-ids.ts'

const LICENSES = bySpelling(SPDX_LICENSE_IDS)
const EXCEPTIONS = bySpelling(SPDX_EXCEPTION_IDS)
const LICENSE_REF = /^licenseref-([A-Za-z0-9.-]+)$/i
const KEYWORDS: ReadonlySet<string> = new Set(['and', 'or', 'with', '(', ')'])

/**
 * Checks an SPDX license expression and gives its normal spelling (PEP 639): official spelling of identifiers, operators in upper
 * case, single spaces. Identifiers are those of the SPDX list or `LicenseRef-…`; `WITH` takes a listed exception.
 * @throws PackagingError `metadata-invalid`, also above {@link MAX_LICENSE_EXPRESSION_LENGTH} characters or
 *   {@link MAX_NESTING_DEPTH} parentheses deep
 */
export function normalizeLicenseExpression(expression: string): string {
  if (expression.length > MAX_LICENSE_EXPRESSION_LENGTH) throw refused(expression, 'it is too long')
  const tokens = expression.match(/[()]|[^()\s]+/g) ?? []
  const normal: string[] = []
  let depth = 0
  let expectsLicense = true
  let afterLicense = false

  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? ''
    const keyword = token.toLowerCase()
    if (expectsLicense) {
      if (keyword === '(') {
        depth += 1
        if (depth > MAX_NESTING_DEPTH) throw refused(expression, 'its parentheses are nested too deeply')
        normal.push('(')
        continue
      }
      if (KEYWORDS.has(keyword)) throw refused(expression, `a license is missing before ${excerpt(token)}`)
      normal.push(normalizeLicense(token, expression))
      expectsLicense = false
      afterLicense = true
      continue
    }
    if (keyword === 'and' || keyword === 'or') {
      normal.push(keyword.toUpperCase())
      expectsLicense = true
    } else if (keyword === 'with' && afterLicense) {
      i += 1
      normal.push('WITH', normalizeException(tokens[i] ?? '', expression))
    } else if (keyword === ')' && depth > 0) {
      depth -= 1
      normal.push(')')
    } else {
      throw refused(expression, `${excerpt(token)} is not expected there`)
    }
    afterLicense = false
  }
  if (expectsLicense) throw refused(expression, 'a license is missing at the end')
  if (depth > 0) throw refused(expression, 'a parenthesis is not closed')
  return normal.join(' ').replaceAll('( ', '(').replaceAll(' )', ')')
}

function normalizeLicense(token: string, expression: string): string {
  const [, reference] = LICENSE_REF.exec(token) ?? []
  if (reference !== undefined) return `LicenseRef-${reference}`
  const orLater = token.endsWith('+')
  const license = LICENSES.get((orLater ? token.slice(0, -1) : token).toLowerCase())
  if (license === undefined) throw refused(expression, `${excerpt(token)} is not a license of the SPDX list`)
  return orLater ? `${license}+` : license
}

function normalizeException(token: string, expression: string): string {
  const exception = EXCEPTIONS.get(token.toLowerCase())
  if (exception === undefined) throw refused(expression, `${excerpt(token)} is not an exception of the SPDX list`)
  return exception
}

function refused(expression: string, reason: string): PackagingError {
  return new PackagingError('metadata-invalid', `${excerpt(expression)} is not an SPDX license expression: ${reason}.`)
}

function bySpelling(ids: readonly string[]): ReadonlyMap<string, string> {
  return new Map(ids.map((id) => [id.toLowerCase(), id]))
}
