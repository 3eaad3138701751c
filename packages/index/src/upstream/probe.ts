import type { Upstream } from './upstream.ts'
import type { UpstreamFailure } from './answers.ts'

/** What one look at an upstream found. */
export type ProbeAnswer =
  | {
      readonly kind: 'ok'
      /** Files on the page of the project; undefined when it has no such project, but a list of projects. */
      readonly files?: number
    }
  | { readonly kind: 'failed'; readonly reason: string }

/** How much of a list of projects is looked at to know it for one. */
const LIST_BYTES = 64 * 1024

/**
 * Asks an upstream for the page of `project`, as the server would. One that says it does not have it has to have a list
 * of projects instead: a wrong base answers 404 to everything, which would pass for an index that has nothing.
 */
export async function probeUpstream(upstream: Upstream, project: string, signal?: AbortSignal): Promise<ProbeAnswer> {
  const page = await upstream.fetchPage(project, {}, signal)
  switch (page.kind) {
    case 'found':
      return { kind: 'ok', files: page.page.files.length }
    case 'not-modified':
      return { kind: 'ok' }
    case 'failed':
      return { kind: 'failed', reason: explained(page) }
    case 'absent':
      return (await hasList(upstream, signal))
        ? { kind: 'ok' }
        : {
            kind: 'failed',
            reason: `It has no project ${project}, and there is no list of projects at ${upstream.config.url}. If the URL is right, name a project that it has.`,
          }
  }
}

async function hasList(upstream: Upstream, signal: AbortSignal | undefined): Promise<boolean> {
  const list = await upstream.openFile(upstream.config.url, signal)
  if (list.kind !== 'open') return false
  let text = ''
  try {
    for await (const bytes of list.body) {
      text += Buffer.from(bytes).toString('latin1')
      if (text.length > LIST_BYTES) break
    }
  } catch {
    // What came before the connection broke tells enough.
  } finally {
    list.close()
  }
  return /<a\s[^>]{0,500}href/i.test(text) || (text.trimStart().startsWith('{') && text.includes('"projects"'))
}

/** The reason with what to do about it, where the code of the failure tells. */
function explained({ reason, code }: UpstreamFailure): string {
  const advice = code === undefined ? undefined : adviceFor(code)
  return advice === undefined ? reason : `${reason} ${advice}`
}

function adviceFor(code: string): string | undefined {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'Its host name cannot be resolved: check the URL, and DNS on this machine.'
    case 'ECONNREFUSED':
      return 'Nothing listens there: check host and port.'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'Its certificate is from an authority that this machine does not trust: name that authority with ca-file.'
    case 'CERT_HAS_EXPIRED':
      return 'Its certificate has expired.'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'Its certificate is for another host name.'
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'It does not speak TLS there: check http or https, and the port.'
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'It cannot be reached from here: a firewall may be in between, or a proxy is needed (proxy).'
    default:
      return undefined
  }
}
