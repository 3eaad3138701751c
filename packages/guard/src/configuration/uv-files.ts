import { join } from 'node:path'
import type { UserMachine } from './user-machine.ts'

/** Files of uv's, those of the user before those of the machine: uv reads them beside the one of a project. */
export function uvFiles({ env, home, platform }: UserMachine): { readonly user: string; readonly global: string[] } {
  if (platform === 'win32') {
    return {
      user: join(env['APPDATA'] || join(home, 'AppData', 'Roaming'), 'uv', 'uv.toml'),
      global: [join(env['PROGRAMDATA'] || 'C:\\ProgramData', 'uv', 'uv.toml')],
    }
  }
  const shared = (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').filter((folder) => folder !== '')
  return {
    user: join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'uv', 'uv.toml'),
    global: [...shared.map((folder) => join(folder, 'uv', 'uv.toml')), '/etc/uv/uv.toml'],
  }
}
