import { setTimeout as delay } from 'node:timers/promises'
import type { ListedPage } from '../support/behind-upstream.ts'
import { ask } from '../support/raw-http.ts'
import { assertSoundStorage } from '../support/storage-audit.ts'
import { sha256Of } from '../support/upstream-simulator.ts'
import { pipInstall } from './actors/people.ts'
import { descriptorsOf } from './observe.ts'
import type { Acknowledged, Soak } from './scene.ts'
import { problem } from './scene.ts'

/** A stalled upstream file is given up after 10 s, an idle inspection worker after 10 s, an idle connection after 65 s. */
const SETTLE_MS = 120_000
/** Releases that one pip installs at the end. */
const PIP_SAMPLE = 40

/** What has to hold once the load has ended; what does not is added to the soak's problems. The number of descriptors then. */
export async function closingChecks(soak: Soak, descriptorsBefore: number): Promise<number> {
  const after = await descriptorsSettled(soak, descriptorsBefore)
  await verifyUploads(soak)
  await verifyInstallable(soak)
  const { server } = soak
  await assertSoundStorage(server.dataDir).catch((error: unknown) => problem(soak, `the storage: ${String(error)}`))
  const code = await server.stop()
  if (code !== 0) problem(soak, `the server exited with ${code}`)
  verifyLog(soak)
  return after
}

async function descriptorsSettled(soak: Soak, before: number): Promise<number> {
  const { pid } = soak.server
  const end = performance.now() + SETTLE_MS
  let open = descriptorsOf(pid)
  while (open.length > before && performance.now() < end) {
    await delay(250)
    open = descriptorsOf(pid)
  }
  if (open.length > before) problem(soak, `${open.length} descriptors are open, ${before} before: ${open.join(' ')}`)
  return open.length
}

/** Every acknowledged upload is listed, with its yank, and comes bit for bit; a deleted one is neither. */
async function verifyUploads(soak: Soak): Promise<void> {
  const projects = Map.groupBy(soak.uploads.values(), ({ name }) => name)
  for (const [name, uploads] of projects) {
    const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
    const page = await ask(`${soak.server.url}/simple/${name}/`, { headers })
    if (page.status !== 200) {
      problem(soak, `at the end the page of ${name}: ${page.status} ${page.reason}`)
      continue
    }
    const listed = new Map((JSON.parse(page.body.toString()) as ListedPage).files.map((file) => [file.filename, file]))
    for (const upload of uploads) await verifyUpload(soak, upload, listed.get(upload.filename))
  }
}

async function verifyUpload(
  soak: Soak,
  upload: Acknowledged,
  listed: ListedPage['files'][number] | undefined,
): Promise<void> {
  const { filename, sha256, state, name } = upload
  if (state === 'deleted') {
    if (listed !== undefined) problem(soak, `${filename} was deleted and is listed`)
    return
  }
  if (listed?.hashes['sha256'] !== sha256) return problem(soak, `${filename} was acknowledged and is not listed`)
  if ((listed.yanked !== false) !== (state === 'yanked')) problem(soak, `${filename} is ${state} and listed as not so`)
  const reply = await ask(`${soak.server.url}/files/${name}/${sha256}/${filename}`)
  if (reply.status !== 200 || sha256Of(reply.body) !== sha256) problem(soak, `${filename} does not come as it was sent`)
}

/** A sample of what was acknowledged, pinned, by one pip per four hundred; sdists need a backend that the index does not have. */
async function verifyInstallable(soak: Soak): Promise<void> {
  const wheels = [...soak.uploads.values()].filter(({ filename, state, name }) => {
    return filename.endsWith('.whl') && state === 'offered' && name.startsWith('soak-')
  })
  const newest = [...new Map(wheels.map((wheel) => [wheel.name, wheel])).values()].slice(-PIP_SAMPLE)
  if (newest.length === 0) return problem(soak, 'nothing was uploaded that pip could install')
  const failure = await pipInstall(soak, [...newest.map(({ name, version }) => `${name}==${version}`), '--no-deps'])
  if (failure !== undefined) problem(soak, `at the end pip: ${failure}`)
}

/** Nothing at `error` or above, no stack trace, nothing unhandled: all faults of a soak are other people's. */
function verifyLog(soak: Soak): void {
  const faults = soak.server
    .log()
    .split('\n')
    // A new index has its offline keys beside it.
    .filter((line) => !line.startsWith('Warning: the offline keys of this index'))
    .filter((line) =>
      /"level":(?:[5-9]\d|"(?:error|fatal)")|^\s+at .*:\d+|[Uu]nhandled|[Ww]arning:|\[5\d\d\]/.test(line),
    )
  for (const line of faults.slice(0, 10)) problem(soak, `the server's log: ${line.slice(0, 1000)}`)
}
