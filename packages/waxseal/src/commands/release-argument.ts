import { normalizeProjectName } from '@waxseal/packaging'

/** `NAME` or `NAME==VERSION`, as installers write a pinned requirement. */
export function releaseArgument(text: string): { readonly project: string; readonly version: string | undefined } {
  const [name = '', version] = text.split('==', 2)
  return { project: normalizeProjectName(name.trim()), version: version?.trim() }
}
