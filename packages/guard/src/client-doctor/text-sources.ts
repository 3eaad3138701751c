import { environmentSources } from './environment-sources.ts'
import type { FoundSource } from './found-source.ts'
import { pipOption } from './pip-sources.ts'

/** An option and its value in a command line of any writing: `-i URL`, `--index-url=URL`, `"-i", "URL"`. */
const OPTION = /(?:^|[\s"'])(--[a-z-]+|-[if])(?:["'],\s*["']|[=\s])([^\s"',;]+)/g
const NAMES: ReadonlyMap<string, string> = new Map([
  ['-i', 'index-url'],
  ['--index-url', 'index-url'],
  ['--default-index', 'index-url'],
  ['--index', 'extra-index-url'],
  ['--extra-index-url', 'extra-index-url'],
  ['-f', 'find-links'],
  ['--find-links', 'find-links'],
  ['--trusted-host', 'trusted-host'],
])
const VARIABLE = /\b((?:PIP|UV|PDM|PIPENV)_[A-Z_]+)["']?(?:\s*[=:]\s*|\]\s*=\s*|\s+)["']?([^\s"',;]+)/g
const INSTALLS = /\b(?:pip3?|uv|poetry|pdm|pipenv)\b.*\b(?:install|sync|add)\b/

/**
 * Lines of a Dockerfile, tox.ini or noxfile.py that install something: what their options and variables name, and, where
 * nothing in the file names the trusted `host`, that they install at all. Nothing is run or expanded: a hint, no proof.
 */
export function textSources(text: string, path: string, host: string): readonly FoundSource[] {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line, at) => ({ line: /^\s*#/.test(line) ? '' : line, where: `${path}:${at + 1}` }))
  const named = lines.flatMap(({ line, where }) => [
    ...[...line.matchAll(OPTION)].flatMap(([, option = '', value = '']) => {
      const name = NAMES.get(option)
      const isPlace = name === 'trusted-host' || value.includes('://')
      return name === undefined || !isPlace ? [] : pipOption(name, value, where)
    }),
    ...[...line.matchAll(VARIABLE)].flatMap(([, name = '', value = '']) =>
      environmentSources({ [name]: value }, () => where),
    ),
  ])
  if (named.length > 0 || text.includes(host) || /\bwaxseal\b/.test(text)) return named
  return lines
    .filter(({ line }) => INSTALLS.test(line))
    .map(({ where }) => ({ kind: 'elsewhere', client: 'pip', where, setting: 'packages are installed', value: '' }))
}
