/** A file on a page as JSON (PEP 691), whatever an attacker makes of it. */
export interface PageFile {
  readonly filename: string
  readonly url: string
  readonly hashes: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

/** A project's page as JSON. */
export interface Page {
  readonly name: string
  readonly files: readonly PageFile[]
  readonly versions?: readonly string[]
  readonly _waxseal: { readonly snapshot: number; readonly prev: string | null; readonly source?: string }
  readonly [key: string]: unknown
}

export const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

export async function readPage(url: string): Promise<Page> {
  const answer = await fetch(url, { headers: { accept: JSON_TYPE } })
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`)
  return (await answer.json()) as Page
}

/** The page with more files, and their versions. */
export function withFiles(page: Page, ...files: readonly PageFile[]): Page {
  const all = [...page.files, ...files]
  return { ...page, files: all, versions: [...new Set(all.map(({ filename }) => filename.split('-')[1] ?? ''))] }
}

/** The one file of a page. */
export function theOnly({ files }: Page): PageFile {
  const [file] = files
  if (file === undefined || files.length > 1) throw new Error(`a page of ${files.length} files`)
  return file
}

/** The page with other files. */
export function withOnly(page: Page, ...files: readonly PageFile[]): Page {
  return withFiles({ ...page, files: [] }, ...files)
}

/** The page as one whose files come from this source, as far as they do not say it themselves. */
export function fromSource(page: Page, source: string): Page {
  return { ...page, _waxseal: { ...page._waxseal, source } }
}
