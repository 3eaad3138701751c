import { withOnly } from './page.ts'
import type { Earlier, Stage } from './stage.ts'

export const HOUR_MS = 3_600_000

/** A user has installed 2.0, the fix; what the index showed before it came out. */
export async function upgraded(stage: Stage): Promise<Earlier> {
  await stage.publish({ name: 'app', version: '1.0' })
  const earlier = await stage.remember('app')
  await stage.publish({ name: 'app', version: '2.0' })
  await stage.install('app')
  return earlier
}

/** A user has installed 1.0, and 2.0 is out; what the index showed before it was. */
export async function frozen(stage: Stage): Promise<Earlier> {
  await stage.publish({ name: 'app', version: '1.0' })
  await stage.install('app')
  const earlier = await stage.remember('app')
  await stage.publish({ name: 'app', version: '2.0' })
  return earlier
}

/** The mirror has a page with another sidecar for the newest release, and the sha256 to match; `helper` is the attacker's on the upstream. */
export async function strangeSidecar(
  stage: Stage,
  change: (metadata: string) => string,
  { requires = [], version = '1.0' }: { readonly requires?: readonly string[]; readonly version?: string } = {},
): Promise<void> {
  const file = await stage.publish({ name: 'app', version, requires })
  if (requires.length === 0) stage.offer('helper', stage.evil({ name: 'helper', version: '1.0' }))
  const planted = stage.plant(file, { metadata: change(file.metadata) })
  await stage.lie('app', (page) =>
    withOnly(page, ...page.files.map((each) => (each.filename === file.filename ? { ...each, ...planted } : each))),
  )
}
