import { readFileSync } from 'node:fs'
import { CONFIG_KEYS } from './keys.ts'
import type { KeyKind } from './keys.ts'
import { didYouMean } from './nearest.ts'
import type { Overlay } from './overlay.ts'

/** Variables that are no keys of the configuration file. */
export const OTHER_VARIABLES = ['WAXSEAL_ADMIN_TOKEN', 'WAXSEAL_ADMIN_TOKEN_FILE', 'WAXSEAL_CONFIG'] as const
/** Those of our own tests, and of the clients' recipes in docs/clients.md. */
const FOREIGN = /^WAXSEAL_(?:NIGHTLY|CRASH_SEED|URL|TOKEN|USERNAME|PASSWORD)$/
/** Kubernetes and container links give each neighbour the addresses of a service, under the name of the service. */
const SERVICE_LINK = /^WAXSEAL_(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_\d+_(?:TCP|UDP)(?:_[A-Z]+)?)?|NAME)$/

/** What the environment says about keys, and what of it is wrong: every key has a variable, `WAXSEAL_` and its name. */
export function environmentOverlay(env: NodeJS.ProcessEnv): Overlay {
  const overlay: Overlay = { settings: [], problems: [] }
  for (const { path, kind, about, variable } of CONFIG_KEYS) {
    if (variable === undefined) continue
    const found = about.secret === true ? secretVariable(env, variable) : plainVariable(env, variable)
    if (found.kind === 'value') {
      const source = { kind: 'environment', variable: found.variable } as const
      overlay.settings.push({ path, value: valueOf(found.text, kind), source })
    } else if (found.kind === 'wrong') {
      overlay.problems.push({ path, source: { kind: 'environment', variable: found.variable }, message: found.message })
    }
  }
  return overlay
}

type Found =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly variable: string; readonly text: string }
  | { readonly kind: 'wrong'; readonly variable: string; readonly message: string }

/** An empty variable is one that is not set: composed environments often pass them on. */
function plainVariable(env: NodeJS.ProcessEnv, variable: string): Found {
  const text = env[variable]
  return text === undefined || text === '' ? { kind: 'none' } : { kind: 'value', variable, text }
}

/** The secret in `variable`, or in the file that `variable`_FILE names: what containers and systemd hand over. */
export function secretVariable(env: NodeJS.ProcessEnv, variable: string): Found {
  const direct = plainVariable(env, variable)
  const file = plainVariable(env, `${variable}_FILE`)
  if (file.kind !== 'value') return direct
  if (direct.kind === 'value') {
    return { kind: 'wrong', variable: file.variable, message: `stands beside ${variable}; set one of the two` }
  }
  try {
    const text = readFileSync(file.text, 'utf8').trim()
    if (text === '') return { kind: 'wrong', variable: file.variable, message: `the file ${file.text} is empty` }
    return { kind: 'value', variable: file.variable, text }
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    return { kind: 'wrong', variable: file.variable, message: `the file ${file.text} cannot be read (${why})` }
  }
}

/** A text that does not fit stays one, and the schema then says what was wanted. */
function valueOf(text: string, kind: KeyKind): unknown {
  switch (kind) {
    case 'text':
      return text
    case 'number':
      return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text
    case 'boolean':
      return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text
    case 'list':
      return text.split(',').map((entry) => entry.trim())
  }
}

/** One sentence for each variable that looks as if it were ours and is not; `named` are those that the configuration names. */
export function unknownVariables(env: NodeJS.ProcessEnv, named: readonly string[]): readonly string[] {
  const known = new Set<string>([...OTHER_VARIABLES, ...named])
  for (const { variable, about } of CONFIG_KEYS) {
    if (variable === undefined) continue
    known.add(variable)
    if (about.secret === true) known.add(`${variable}_FILE`)
  }
  return Object.keys(env)
    .filter(
      (name) => name.startsWith('WAXSEAL_') && !known.has(name) && !FOREIGN.test(name) && !SERVICE_LINK.test(name),
    )
    .toSorted()
    .map((name) => `The environment variable ${name} means nothing to Waxseal.${didYouMean(name, known)}`)
}
