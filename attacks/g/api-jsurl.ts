import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'API-JSURL',
  title: "a page that points to a file on the user's own disk",
  capability: 'SRV',
  means: 'signs a page with all online keys; has a file on the disk',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '2.0' })
    const path = join(stage.user.work, evil.filename)
    await writeFile(path, evil.bytes)
    const url = pathToFileURL(path).href
    await stage.forge('app', (page) =>
      withFiles(page, { filename: evil.filename, url, hashes: { sha256: evil.sha256 } }),
    )
    return await stage.install('app')
  },
  guard: { holds: 'file-unverified', defence: 'rendering' },
}
