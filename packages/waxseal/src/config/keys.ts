import { z } from 'zod'
import type { KeyAbout } from './schema.ts'
import { configSchema } from './schema.ts'

/** How the text of an environment variable becomes a value. */
export type KeyKind = 'text' | 'number' | 'boolean' | 'list'

/** One key of the configuration file, as its schema says it. */
export interface ConfigKey {
  /** From the top: `['uploads', 'max-file-size']`; an upstream's and a webhook's have `NAME` for its name. */
  readonly path: readonly string[]
  readonly kind: KeyKind
  readonly about: KeyAbout
  /** The environment variable that overrides it; none of an upstream's or a webhook's keys has one. */
  readonly variable?: string
}

/** The tables of the file, in the order of the schema: top level, `[tls]`, …, `[upstream.NAME]`, `[webhook.NAME]`. */
export interface ConfigTable {
  /** Empty for the top level. */
  readonly path: readonly string[]
  readonly keys: readonly ConfigKey[]
}

const isObject = (schema: unknown): schema is z.ZodObject => schema instanceof z.ZodObject
const isRecord = (schema: unknown): schema is z.ZodRecord => schema instanceof z.ZodRecord
const unwrap = (schema: unknown): unknown => (schema instanceof z.ZodOptional ? schema.unwrap() : schema)

/** Every table of the configuration file with its keys. */
export const CONFIG_TABLES: readonly ConfigTable[] = tablesOf(configSchema, [])
/** Every key of the configuration file. */
export const CONFIG_KEYS: readonly ConfigKey[] = CONFIG_TABLES.flatMap(({ keys }) => keys)

function tablesOf(schema: z.ZodObject, path: readonly string[]): readonly ConfigTable[] {
  const keys: ConfigKey[] = []
  const below: ConfigTable[] = []
  for (const [name, member] of Object.entries(schema.shape)) {
    const bare = unwrap(member)
    if (isObject(bare)) below.push(...tablesOf(bare, [...path, name]))
    else if (isRecord(bare) && isObject(bare.valueType))
      below.push(...tablesOf(bare.valueType, [...path, name, 'NAME']))
    else keys.push(configKey(member, [...path, name]))
  }
  return [{ path, keys }, ...below]
}

function configKey(member: unknown, path: readonly string[]): ConfigKey {
  const about = member instanceof z.ZodType ? member.meta() : undefined
  if (about === undefined || typeof about['type'] !== 'string' || about.description === undefined) {
    throw new Error(`The key ${path.join('.')} has no description in its schema.`)
  }
  const variable = `WAXSEAL_${path.join('_').replaceAll('-', '_').toUpperCase()}`
  return {
    path,
    kind: kindOf(unwrap(member)),
    about: { ...about, description: about.description, type: about['type'] },
    ...(path.includes('NAME') ? {} : { variable }),
  }
}

function kindOf(schema: unknown): KeyKind {
  if (schema instanceof z.ZodNumber) return 'number'
  if (schema instanceof z.ZodBoolean) return 'boolean'
  return schema instanceof z.ZodArray || schema instanceof z.ZodUnion ? 'list' : 'text'
}

/** The names that may stand below `path` (a user's, upstream names included); undefined where any may, or none. */
export function namesBelow(path: readonly string[]): readonly string[] | undefined {
  let schema: unknown = configSchema
  for (const name of path) {
    const bare = unwrap(schema)
    if (isObject(bare)) schema = Object.hasOwn(bare.shape, name) ? bare.shape[name] : undefined
    else schema = isRecord(bare) ? bare.valueType : undefined
  }
  const bare = unwrap(schema)
  return isObject(bare) ? Object.keys(bare.shape) : undefined
}
