import { isSea } from 'node:sea'
import type { GuardHome } from '@waxseal/guard'
import type { GuardingOptions } from './guarding.ts'

/** What of the environment the guard goes by: it is not there in a service of its own. */
const VARIABLES = [
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
  'https_proxy',
  'http_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_SYSTEM_CA',
  'WAXSEAL_GUARD_HOME',
  'XDG_DATA_HOME',
  'XDG_CACHE_HOME',
] as const

/**
 * A systemd user unit that runs the guard of an index, with these options, while its user is logged in (or lingers). It names this very
 * program: a unit has no PATH to look in.
 */
export function userUnit(
  index: string,
  options: GuardingOptions & { readonly port: number },
  home: GuardHome,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const { port, offline, wheelsOnly, allowDirectUrls, cacheSize } = options
  const command = [
    process.execPath,
    // Alone where it is one executable file.
    ...(isSea() ? [] : [process.argv[1] ?? '']),
    'guard',
    '--trust',
    index,
    '--port',
    String(port),
    ...(offline === true ? ['--offline'] : []),
    ...(wheelsOnly === true ? ['--wheels-only'] : []),
    ...(allowDirectUrls === true ? ['--allow-direct-urls'] : []),
    ...(cacheSize === undefined ? [] : ['--cache-size', String(cacheSize)]),
  ]
  const variables = VARIABLES.flatMap((name) => (env[name] ? [`Environment=${quoted(`${name}=${env[name]}`)}`] : []))
  return `# Waxseal's guard as a service of one user. See docs/guard.md.
[Unit]
Description=Waxseal guard for ${index.replaceAll('%', '%%')}
After=network-online.target

[Service]
Type=exec
ExecStart=${command.map(quoted).join(' ')}
${variables.map((line) => `${line}\n`).join('')}Restart=on-failure
RestartSec=2
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${quoted(`-${home.trust}`)} ${quoted(`-${home.cache}`)}
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
UMask=0077

[Install]
WantedBy=default.target`
}

/** As systemd reads it: quotes, backslashes, `%` and `$` escaped (systemd.syntax(7), systemd.service(5)). */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$').replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return /^[\w@:/.,=+-]*$/.test(escaped) ? escaped : `"${escaped}"`
}
