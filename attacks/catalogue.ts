import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { IndexScenario } from './index-scenario.ts'
import type { Scenario } from './scenario.ts'

/** The groups of the catalogue that meet a client or the index, in the order of the page. */
export const GROUPS = {
  a: 'Signed metadata, mirrors and stolen keys',
  b: 'Metadata of dependencies',
  c: 'Claims to provide another project',
  d: 'Dependency confusion',
  e: 'New names',
  f: 'Files',
  g: "The index's pages",
  h: 'Decisions about names',
  i: 'Credentials and rights',
  j: 'Builds and the client',
} as const
export type Group = keyof typeof GROUPS

export interface Entry {
  readonly group: Group
  readonly scenario: Scenario | IndexScenario
}

export function isOnIndex(scenario: Scenario | IndexScenario): scenario is IndexScenario {
  return 'refused' in scenario
}

/** Every scenario, a file each: those of a group by their file's name. */
export async function loadCatalogue(): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for (const group of Object.keys(GROUPS) as Group[]) {
    const files = globSync(`${group}/*.ts`, { cwd: import.meta.dirname }).toSorted((a, b) =>
      byNumber(stemOf(a), stemOf(b)),
    )
    for (const file of files) {
      const { scenario } = (await import(join(import.meta.dirname, file))) as Omit<Entry, 'group'>
      entries.push({ group, scenario })
    }
  }
  return entries
}

const stemOf = (file: string): string => basename(file, '.ts')

/** `dc-2` before `dc-10`. */
const byNumber = new Intl.Collator('en', { numeric: true }).compare
