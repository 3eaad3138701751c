import { gzipSync } from 'node:zlib'
import { JSON_TYPE } from '../page.ts'
import type { Scenario } from '../scenario.ts'

/** Members of a gzip stream follow one another: a GiB is never in memory here. */
const member = gzipSync(Buffer.alloc(64 * 1024 ** 2, ' '))
const bomb = Buffer.concat(Array.from({ length: 16 }, () => member))

export const scenario: Scenario = {
  id: 'ED-DEC',
  title: 'a page that is small until it is decompressed',
  capability: 'MIR',
  means: 'sends one MiB that is one GiB of JSON',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    stage.mirror.serve(/^\/simple\//, bomb, { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' })
    return await stage.install('app')
  },
  guard: { holds: 'installs', defence: 'rendering' },
}
