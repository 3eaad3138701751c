const CONTENT_TYPES: ReadonlySet<string> = new Set(['text/plain', 'text/x-rst', 'text/markdown'])
const MARKDOWN_VARIANTS: ReadonlySet<string> = new Set(['GFM', 'CommonMark'])
const PYTHON_KEYWORDS: ReadonlySet<string> = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if import in is
  lambda nonlocal not or pass raise return try while with yield`.split(/\s+/),
)
const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u
const MAX_ADDRESS_LENGTH = 254

/** What is wrong with a Description-Content-Type, as the end of a sentence that begins with the field; `undefined` if nothing. */
export function contentTypeProblem(value: string): string | undefined {
  const [rawType = '', ...rawParameters] = value.split(';')
  const type = rawType.trim().toLowerCase()
  if (!CONTENT_TYPES.has(type)) return `must be one of ${[...CONTENT_TYPES].join(', ')}`
  const parameters = new Map(rawParameters.map(parseParameter))
  if ((parameters.get('charset') ?? 'UTF-8').toUpperCase() !== 'UTF-8') return 'can only specify the UTF-8 charset'
  if (type === 'text/markdown' && !MARKDOWN_VARIANTS.has(parameters.get('variant') ?? 'GFM')) {
    return `can only specify the Markdown variants ${[...MARKDOWN_VARIANTS].join(', ')}`
  }
  return undefined
}

/** What is wrong with the path of a License-File (PEP 639), as the end of a sentence; `undefined` if nothing. */
export function licenseFileProblem(path: string): string | undefined {
  if (path.includes('..')) return 'parent directory indicators are not allowed'
  if (path.includes('*')) return 'paths must be resolved'
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'paths must be relative'
  if (path.includes('\\')) return "paths must use '/' delimiter"
  if (path.split('/').some((part) => part === '' || part === '.')) return 'paths must be normal'
  return undefined
}

/** What is wrong with an Import-Name or Import-Namespace (PEP 794), as the end of a sentence; `undefined` if nothing. */
export function importNameProblem(value: string): string | undefined {
  const semicolon = value.indexOf(';')
  const name = (semicolon === -1 ? value : value.slice(0, semicolon)).trimEnd()
  for (const part of name.split('.')) {
    if (!IDENTIFIER.test(part)) return 'it is not a dotted name of identifiers'
    if (PYTHON_KEYWORDS.has(part)) return 'a part of it is a keyword'
  }
  if (semicolon !== -1 && value.slice(semicolon + 1).trim() !== 'private') return "the only valid option is 'private'"
  return undefined
}

/**
 * Whether the first address of an Author-email or Maintainer-email is one, in what a private index needs: a host without a dot and
 * names of an in-house domain are fine. A value without any address passes, as on PyPI.
 */
export function isAcceptableAddress(value: string): boolean {
  const bracket = value.indexOf('<')
  const end = value.indexOf('>', bracket)
  const address = (bracket !== -1 && end !== -1 ? value.slice(bracket + 1, end) : (value.split(',')[0] ?? '')).trim()
  if (bracket === -1 && !address.includes('@')) return true
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1)
  if (at < 1 || address.length > MAX_ADDRESS_LENGTH || /[\s\0-\x1f\x7f<>(),;:\\]/.test(address)) return false
  return domain.split('.').every((label) => label !== '' && !label.startsWith('-') && !label.endsWith('-'))
}

/** Whether a value is an absolute http or https URL without white space. */
export function isWebUrl(value: string): boolean {
  return /^https?:/i.test(value) && !/[\s\0-\x1f\x7f]/.test(value) && URL.canParse(value)
}

/** Splits a Project-URL at its first comma; either part is empty when it is missing. */
export function splitProjectUrl(value: string): { readonly label: string; readonly url: string } {
  const comma = value.indexOf(',')
  if (comma === -1) return { label: value.trim(), url: '' }
  return { label: value.slice(0, comma).trim(), url: value.slice(comma + 1).trim() }
}

function parseParameter(text: string): readonly [string, string] {
  const equals = text.indexOf('=')
  const value = text.slice(equals + 1).trim()
  const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"')
  return [text.slice(0, Math.max(0, equals)).trim().toLowerCase(), quoted ? value.slice(1, -1) : value]
}
