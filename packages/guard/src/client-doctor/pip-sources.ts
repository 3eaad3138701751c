import { IniFile } from '../configuration/ini-file.ts'
import { pipOptionName } from '../configuration/pip-files.ts'
import { directUrl } from '../children/direct-url.ts'
import { requirementLines } from '../verify/requirement-lines.ts'
import type { FoundSource, SourceKind } from './found-source.ts'

const KINDS: ReadonlyMap<string, SourceKind> = new Map([
  ['index-url', 'index'],
  ['pypi-url', 'index'],
  ['extra-index-url', 'extra-index'],
  ['find-links', 'links'],
  ['trusted-host', 'unchecked-host'],
])

/** What an option of pip's says, from a file or the environment; of a list, each. */
export function pipOption(name: string, value: string, where: string): readonly FoundSource[] {
  const setting = pipOptionName(name)
  const kind = KINDS.get(setting)
  const values = value.split(/\s+/).filter((one) => one !== '')
  return kind === undefined ? [] : values.map((one) => ({ kind, client: 'pip', where, setting, value: one }))
}

/** pip.conf. Throws GuardError `config-unreadable`. */
export function pipConfSources(text: string, path: string): readonly FoundSource[] {
  return new IniFile(text, path)
    .options()
    .flatMap(({ key, value, first }) => pipOption(key, value, `${path}:${first + 1}`))
}

/** Lines of a requirements or constraints file. */
export function requirementsSources(text: string, path: string, env: NodeJS.ProcessEnv): readonly FoundSource[] {
  return requirementLines(text, env).flatMap(({ line, requirement, options }) => {
    const where = `${path}:${line}`
    const editable = options.find(({ means }) => means === 'editable')?.value
    const url = directUrl(editable ?? requirement)
    return [
      ...options.flatMap(({ name, value }) => pipOption(name, value, where)),
      ...(url === undefined
        ? []
        : [{ kind: 'direct-url' as const, client: 'pip', where, setting: 'a requirement', value: url }]),
    ]
  })
}
