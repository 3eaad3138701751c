import { parse, type TomlTable } from 'smol-toml'
import { GuardError, type GuardErrorCode } from '../error.ts'

/** @throws `code` for what is not TOML. */
export function parseToml(text: string, path: string, code: GuardErrorCode): TomlTable {
  try {
    return parse(text)
  } catch (error) {
    throw new GuardError(code, `${path} is not valid TOML: it cannot be checked before it is used.`, {
      cause: error,
      data: { path },
    })
  }
}

/** The tables in a value: itself, or those of a list. */
export function tables(value: unknown): readonly TomlTable[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.filter(isTable)
}

export function table(value: unknown): TomlTable {
  return isTable(value) ? value : {}
}

/** The strings in a value: itself, or those of a list. */
export function strings(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.filter((entry) => typeof entry === 'string')
}

export function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
