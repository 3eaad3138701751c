import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { UpstreamConfig } from '@waxseal/index'
import { upstreamDefaults } from '@waxseal/index'
import { DEFAULT_UPSTREAM } from './defaults.ts'
import type { Report } from './load.ts'
import type { UpstreamValues } from './schema.ts'
import type { Settings } from './settings.ts'

/** The upstreams in their order; what their files cannot tell is reported. No table at all: PyPI; an empty one: none. */
export function upstreamsOf(settings: Settings, report: Report): readonly UpstreamConfig[] {
  const { upstream } = settings.values
  if (upstream === undefined) return [upstreamDefaults(DEFAULT_UPSTREAM.name, DEFAULT_UPSTREAM.url)]
  return Object.entries(upstream).map(([name, values]) => upstreamOf(settings, name, values, report))
}

function upstreamOf(settings: Settings, name: string, values: UpstreamValues, report: Report): UpstreamConfig {
  const read = (key: 'password-file' | 'token-file' | 'ca-file'): string | undefined => {
    const value = values[key]
    const path = ['upstream', name, key]
    return value === undefined ? undefined : readText(settings.resolvePath(path, value), path, report)
  }
  const password = read('password-file')
  const token = read('token-file')
  const ca = read('ca-file')
  if (ca !== undefined && !isCertificate(ca)) report(['upstream', name, 'ca-file'], 'holds no certificate in PEM')
  if (values['token-file'] !== undefined && (values['password-file'] ?? values.username) !== undefined) {
    report(['upstream', name, 'token-file'], 'stands beside a user name or password; use one or the other')
  }
  const firstByte = values['first-byte-timeout-seconds']
  return upstreamDefaults(name, values.url, {
    ...(values.username === undefined ? {} : { username: values.username }),
    ...(password === undefined ? {} : { password }),
    ...(token === undefined ? {} : { token }),
    ...(ca === undefined ? {} : { ca }),
    ...(values.proxy === undefined ? {} : { proxy: values.proxy }),
    ...(values['also-allow'] === undefined ? {} : { alsoAllow: values['also-allow'] }),
    ...(values['local-versions'] === undefined ? {} : { localVersions: values['local-versions'] }),
    ...(values['refresh-seconds'] === undefined ? {} : { refreshSeconds: values['refresh-seconds'] }),
    ...(values['negative-seconds'] === undefined ? {} : { negativeSeconds: values['negative-seconds'] }),
    ...(firstByte === undefined ? {} : { firstByteTimeoutMs: firstByte * 1000 }),
    ...(values['max-file-size'] === undefined ? {} : { maxFileBytes: values['max-file-size'] }),
    ...(values['min-bytes-per-second'] === undefined ? {} : { minBytesPerSecond: values['min-bytes-per-second'] }),
  })
}

/** The text of a file that a key names, without the line end; undefined, and reported, when it cannot be read. */
export function readText(file: string, path: readonly PropertyKey[], report: Report): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (text !== '') return text
    report(path, `the file ${file} is empty`)
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    report(path, `the file ${file} cannot be read (${code})`)
    return undefined
  }
}

export function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).serialNumber !== ''
  } catch {
    return false
  }
}
