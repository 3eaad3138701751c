import { readFileSync, statSync } from 'node:fs'
import { corpusOf, MAX_CORPUS_BYTES, MAX_CORPUS_NAMES, readCorpus } from '@waxseal/index'
import type { IndexConfig } from '@waxseal/index'
import type { Report } from './load.ts'
import type { Settings } from './settings.ts'

/** `[names]`: how new names come to be; a list that cannot be used is reported with its line. */
export function claimsOf(settings: Settings, report: Report): Partial<IndexConfig['claims']> {
  const { names = {} } = settings.values
  const perDay = names['claims-per-day']
  const first = names['first-upload']
  const tally = names['tally-days']
  const listed = (names.corpus ?? []).flatMap((file, at) => {
    const path = ['names', 'corpus', at]
    return readNames(settings.resolvePath(path, file), path, report)
  })
  if (listed.length > MAX_CORPUS_NAMES) {
    report(['names', 'corpus'], `lists ${listed.length} names, and may list ${MAX_CORPUS_NAMES}`)
  }
  return {
    ...(perDay === undefined ? {} : { claimsPerDay: perDay }),
    ...(first === undefined ? {} : { firstUpload: first }),
    ...(tally === undefined ? {} : { tallyDays: tally }),
    ...(listed.length === 0 || listed.length > MAX_CORPUS_NAMES ? {} : { corpus: corpusOf(listed) }),
  }
}

function readNames(file: string, path: readonly PropertyKey[], report: Report): readonly string[] {
  let text: string
  try {
    if (statSync(file).size > MAX_CORPUS_BYTES) {
      report(path, `the file ${file} is larger than ${MAX_CORPUS_BYTES} bytes`)
      return []
    }
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    report(path, `the file ${file} cannot be read (${code})`)
    return []
  }
  const list = readCorpus(text)
  if (list.kind === 'names') return list.names
  report(path, `line ${list.line} of ${file} ${list.message}`)
  return []
}
