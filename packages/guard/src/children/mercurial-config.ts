import { delimiter } from 'node:path'
import { NO_PROGRAM } from './child-environment.ts'
import type { Preparing } from './preparing.ts'

/** What Mercurial reads by itself (`hg help config`): a later one wins, one that is not there is passed over. */
const DEFAULT_PLACES = [
  '/etc/mercurial/hgrc',
  '/etc/mercurial/hgrc.d',
  '~/.hgrc',
  '~/mercurial.ini',
  '~/.config/hg/hgrc',
  '$XDG_CONFIG_HOME/hg/hgrc',
]

/**
 * Variables for every child: Mercurial has no ssh, and the guard's port for a proxy. Its own configuration says both before its environment
 * does, so that this is a file behind all others.
 */
export async function mercurialVariables(
  preparing: Preparing,
  proxyUrl: string,
): Promise<Readonly<Record<string, string>>> {
  const lines = [
    '[ui]',
    `ssh = ${NO_PROGRAM}`,
    '[http_proxy]',
    `host = ${new URL(proxyUrl).host}`,
    'no =',
    'always = True',
    '',
  ]
  const last = await preparing.temporary.write('hgrc', lines.join('\n'))
  const places = preparing.env['HGRCPATH']?.split(delimiter) ?? DEFAULT_PLACES
  return { HGRCPATH: [...places, last].join(delimiter) }
}
