import { join } from 'node:path'
import type { UserMachine } from './user-machine.ts'

/** PDM's configuration of the user. */
export function pdmUserFile({ env, home, platform }: UserMachine): string {
  if ((env['PDM_CONFIG_FILE'] ?? '') !== '') return env['PDM_CONFIG_FILE'] ?? ''
  if (platform === 'win32')
    return join(env['LOCALAPPDATA'] || join(home, 'AppData', 'Local'), 'pdm', 'pdm', 'config.toml')
  if (platform === 'darwin') return join(home, 'Library/Application Support/pdm/config.toml')
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'pdm', 'config.toml')
}

/** PDM's configuration of the machine. */
export function pdmSiteFile({ env, platform }: Omit<UserMachine, 'home'>): string {
  if (platform === 'win32') return join(env['PROGRAMDATA'] || 'C:\\ProgramData', 'pdm', 'pdm', 'config.toml')
  if (platform === 'darwin') return '/Library/Application Support/pdm/config.toml'
  // Of several folders platformdirs takes the first.
  return join((env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':')[0] ?? '', 'pdm', 'config.toml')
}

/** PDM's configuration beside the project's file, by its name of now and of before 2.5. */
export function pdmProjectFiles(projectDir: string): readonly string[] {
  return [join(projectDir, 'pdm.toml'), join(projectDir, '.pdm.toml')]
}
