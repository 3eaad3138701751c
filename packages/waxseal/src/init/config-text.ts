import { DEFAULT_UPSTREAM } from '../config/defaults.ts'
import { CONFIG_KEYS } from '../config/keys.ts'
import type { ConfigValues } from '../config/schema.ts'

/** Long enough that most packages with malware are taken down first; short enough that few have to wait. */
export const PROPOSED_COOLDOWN_DAYS = 3

/** What `waxseal init` was told, valid. */
export type InitValues = Pick<
  ConfigValues,
  'listen' | 'public-url' | 'reading' | 'prefixes' | 'offline-keys' | 'upstream'
> & { readonly cooldownDays?: number }

/** The first configuration file: what was chosen, and what may be wanted next, each with what it is for. */
export function initialConfig(values: InitValues): string {
  const { upstream = { [DEFAULT_UPSTREAM.name]: { url: DEFAULT_UPSTREAM.url } } } = values
  const keys: readonly (readonly [string, unknown, string])[] = [
    ['data', '.', '.'],
    [
      'listen',
      Array.isArray(values.listen) && values.listen.length === 1 ? values.listen[0] : values.listen,
      '127.0.0.1:8417',
    ],
    ['public-url', values['public-url'], 'https://packages.example/'],
    ['reading', values.reading ?? 'public', 'private'],
    ['prefixes', values.prefixes ?? [], 'corp'],
    ['offline-keys', values['offline-keys'], '/media/stick/waxseal'],
  ]
  const tables = Object.entries(upstream).map(([name, { url }]) => `[upstream.${name}]\nurl = ${toml(url)}\n`)
  return [
    '# The configuration of this Waxseal index, made by `waxseal init`. What it holds: waxseal config show',
    '# Every key is optional, and described in docs/configuration.md. Relative paths count from the folder of this file.',
    '# A running server takes changes up at its next start; waxseal config check tells what is wrong with them.',
    ...keys.map(([name, value, example]) =>
      value === undefined
        ? `\n# ${about(name)}\n# ${name} = ${toml(example)}`
        : `\n# ${about(name)}\n${name} = ${toml(value)}`,
    ),
    `\n[names]\n# ${about('names', 'cooldown-days')}\ncooldown-days = ${values.cooldownDays ?? PROPOSED_COOLDOWN_DAYS}`,
    '\n# Other indexes, in the order in which a name that nobody has decided about is looked for.',
    ...(tables.length === 0
      ? ['# [upstream] with nothing below it: none is asked.', '[upstream]\n']
      : [tables.join('\n')]),
  ].join('\n')
}

/** The description of a key as a sentence without Markdown; a link becomes the page that it leads to. */
function about(...key: readonly string[]): string {
  const text = CONFIG_KEYS.find(({ path }) => path.join('.') === key.join('.'))?.about.description ?? ''
  const plain = text.replaceAll(/\[[^\]]*\]\(([^)#]*)[^)]*\)/g, 'docs/$1').replaceAll('`', '')
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}.`
}

/** Text and lists of text as TOML: their JSON, but for one character that TOML wants escaped. */
export function toml(value: unknown): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f').replaceAll('","', '", "')
}
