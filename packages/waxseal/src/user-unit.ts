import { isSea } from 'node:sea'

/**
 * A systemd user unit that runs the guard of an index while its user is logged in (or lingers). It names this very program: a unit
 * has no PATH to look in.
 */
export function userUnit(index: string, port: number): string {
  // Alone where it is one executable file.
  const program = isSea() ? process.execPath : `${process.execPath} ${process.argv[1] ?? ''}`
  return `# Waxseal's guard as a service of one user. See docs/guard.md.
[Unit]
Description=Waxseal guard for ${index}
After=network-online.target

[Service]
Type=exec
ExecStart=${program} guard --trust ${index} --port ${port}
Restart=on-failure
RestartSec=2
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=%h/.local/share/waxseal %h/.cache/waxseal
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
UMask=0077

[Install]
WantedBy=default.target`
}
