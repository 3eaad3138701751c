import { pipOptionName } from '@waxseal/guard/configuration'
import { unsetIt } from './credential-notes.ts'
import type { SetupRequest } from './setup-plan.ts'
import { sameUrl } from './setup-plan.ts'

/** Options that give pip a second place to take packages from, or none. */
const ADDS_A_PLACE = new Set(['extra-index-url', 'find-links', 'no-index'])
/** pip has two names for the index. */
const NAMES_THE_INDEX = new Set(['index-url', 'pypi-url'])
/** What pip's `strtobool` takes for no. */
const NO = /^(?:n|no|f|false|off|0)$/i

export function namesTheIndex(key: string): boolean {
  return NAMES_THE_INDEX.has(pipOptionName(key))
}

/** Whether an option adds a place beside the index, or names another index in its stead. pip passes over empty ones. */
export function isInTheWay(key: string, value: string, simple: string): boolean {
  const name = pipOptionName(key)
  if (value === '') return false
  if (name === 'no-index') return !NO.test(value)
  return ADDS_A_PLACE.has(name) || (NAMES_THE_INDEX.has(name) && !sameUrl(value, simple))
}

/** Variables of pip's that would add or replace an index whatever its files say. */
export function pipEnvironmentConflicts({ env, index }: SetupRequest): readonly string[] {
  return Object.entries(env)
    .filter(
      ([name, value = '']) => name.startsWith('PIP_') && isInTheWay(name.slice('PIP_'.length), value, index.simple),
    )
    .map(([name, value]) => unsetIt(name, value))
}
