import type { TomlTable } from 'smol-toml'
import { readBounded } from './read-file.ts'
import { parseToml } from './toml.ts'

const BLOCK = /^# \/\/\/ script[^\S\n]*\n((?:#(?: [^\n]*)?\n)+?)# \/\/\/[^\S\n]*$/m

/** What a script says about itself (PEP 723); undefined for one that says nothing. @throws configuration-refused for no TOML. */
export async function scriptMetadata(path: string): Promise<TomlTable | undefined> {
  const text = (await readBounded(path, 'configuration-refused'))?.toString('utf8').replaceAll('\r\n', '\n')
  const lines = text === undefined ? undefined : BLOCK.exec(text)?.[1]
  return lines === undefined ? undefined : parseToml(lines.replaceAll(/^# ?/gm, ''), path, 'configuration-refused')
}
