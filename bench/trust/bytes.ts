import type { Figure } from '../figure.ts'
import { newFollower, quickClients } from './clients.ts'
import { countingProxy } from './counting-proxy.ts'
import type { SignedIndex } from './signed-index.ts'

const PACKAGES = 30
/** Publishes between two runs of an installer: as many as leave next to no bin of a small index as it was. */
const PUBLISHED_BETWEEN = 1000

/**
 * PEP 458, "Metadata scalability", its table of 2,273,539 targets in 16,384 bins, in bytes: one bin (V7), `bins` (V10), snapshot
 * (V11), and the mean of a distribution (C9). It counts two bins a distribution; roles above `bins` and the timestamp not at all.
 */
const PEP_458 = { bin: 54_349, bins: 1_310_720, snapshot: 98_304, distribution: 2_184_393 }
const PEP_458_BINS = PACKAGES * 2 * PEP_458.bin

/** Metadata that an installer gets for so many packages: what came over the wire, for each client, beside the PEP's own estimate. */
export async function bytes(index: SignedIndex, url: string): Promise<readonly Figure[]> {
  await using proxy = await countingProxy(url)
  const [first, other] = [index.sample(PACKAGES), index.sample(PACKAGES)]
  const followers = await Promise.all(quickClients(index.bins).map((client) => newFollower(client, index)))
  const measure = async (targets: readonly string[]): Promise<readonly number[]> => {
    const counted: number[] = []
    for (const follower of followers) {
      proxy.take()
      await follower.follow(proxy.url, targets)
      counted.push(proxy.take())
    }
    return counted
  }
  const figures: Figure[] = []
  const add = (what: string, counted: readonly number[], pep: number | undefined): void => {
    const [ours = 0] = counted
    const others = followers.slice(1).map(({ name }, at) => `${name}: ${kilobytes(counted[at + 1] ?? 0)}`)
    if (pep !== undefined) others.push(`PEP 458: ${kilobytes(pep)} (${percent(pep)})`)
    const of = `${index.targets.toLocaleString('en')} targets in ${index.bins.toLocaleString('en')} bins`
    figures.push({
      what: `metadata for ${PACKAGES} packages, ${what}, ${of}`,
      ours: `${kilobytes(ours)} (${percent(ours)})`,
      beside: others.join('; '),
      ...(pep === undefined ? {} : { ratio: ours / pep }),
    })
  }
  add('first install', await measure(first), PEP_458.bins + PEP_458.snapshot + PEP_458_BINS)
  add('the same again, nothing published since', await measure(first), undefined)
  add('others, nothing published since', await measure(other), PEP_458_BINS)
  await index.publish(PUBLISHED_BETWEEN)
  const since = `${PUBLISHED_BETWEEN.toLocaleString('en')} pages published since`
  add(`the same again, ${since}`, await measure(first), PEP_458.snapshot + PEP_458_BINS)
  return figures
}

function kilobytes(count: number): string {
  return `${(count / 1000).toLocaleString('en', { maximumFractionDigits: 1 })} KB`
}

/** Of what the PEP takes the packages themselves to be. */
function percent(count: number): string {
  return `${((count / (PACKAGES * PEP_458.distribution)) * 100).toFixed(1)} %`
}
