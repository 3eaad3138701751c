import type { Row } from '../figure.ts'
import { timeRequest } from '../first-byte.ts'
import { residentMb } from '../processes.ts'
import { LARGE_FILE } from '../scene.ts'

const CLIENTS = 50
const HELD_AFTER = 5_000_000
const MAX_GROWTH_MB = 64

/** 50 clients ask for one cold page and one cold file at once: one upstream request each, and all stream while it fills. */
export const sharedFill: Row = async ({ upstream, ours }) => {
  const [file] = await upstream.add({ names: ['shared'], files: 1, size: LARGE_FILE })
  if (file === undefined) return []
  const everyone = Array.from({ length: CLIENTS }, (_, at) => at)
  await Promise.all(everyone.map(() => timeRequest(`${ours.url}/simple/shared/`)))
  const pageRequests = await upstream.count('/simple/shared/')

  const path = `/files/${file.project}/${file.filename}`
  await upstream.hold(path, HELD_AFTER)
  const before = residentMb(ours.pid, 'now')
  let reached = 0
  const all = Promise.withResolvers<void>()
  const arrived = () => {
    reached += 1
    if (reached === CLIENTS) all.resolve()
  }
  const downloads = everyone.map(() =>
    timeRequest(`${ours.url}/files/${file.project}/${file.sha256}/${file.filename}`, {}, arrived),
  )
  // The upstream holds the rest back: whoever has a byte now streams from the file that is still filling.
  const deadline = setTimeout(all.resolve, 10_000)
  await all.promise
  clearTimeout(deadline)
  const streaming = reached
  await upstream.release()
  const done = await Promise.all(downloads)
  const growth = residentMb(ours.pid, 'now') - before
  await upstream.latency(0)
  const fileRequests = (await upstream.count(path)) - (await upstream.count(`${path}.`))
  const whole = done.filter(({ bytes }) => bytes === LARGE_FILE).length
  return [
    {
      what: '50 cold requests for one page',
      ours: `${pageRequests} upstream request`,
      bar: '1 upstream request',
      met: pageRequests === 1,
    },
    {
      what: '50 cold requests for one file of 20 MB',
      ours: `${fileRequests} upstream request; ${streaming} streamed while it filled; ${whole} complete`,
      bar: '1 upstream request, all stream',
      met: fileRequests === 1 && streaming === CLIENTS && whole === CLIENTS,
    },
    {
      what: '… memory for these 1,000 MB',
      ours: `${growth.toFixed(0)} MB more`,
      bar: `flat (≤ ${MAX_GROWTH_MB} MB)`,
      met: growth <= MAX_GROWTH_MB,
    },
  ]
}
