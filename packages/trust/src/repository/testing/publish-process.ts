import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
import { createPrivateKey } from 'node:crypto'
import { parseArgs } from 'node:util'
import { keySigner } from '../../key-signer.ts'
import { openDirectoryMetadataStore } from '../directory-metadata-store.ts'
import { signersById } from '../repository-state.ts'
import { planPages } from './publish-pages.ts'

/**
 * Publishes into a folder and kills itself, as `kill -9` would, before the step on the disk with this number; the steps before it
 * are printed. The steps are what Node's own functions are asked to do, so that the store under test knows nothing of it.
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    keys: { type: 'string', default: '' },
    root: { type: 'string' },
    die: { type: 'string', default: '-1' },
  },
})

const steps: string[] = []
const dieBefore = Number(values.die)

function step(what: string): void {
  if (steps.length === dieBefore) process.kill(process.pid, 'SIGKILL')
  steps.push(what)
}

const keys = (await fsp.readFile(values.keys, 'utf8')).split('\n\n').filter((pem) => pem !== '')
const signers = signersById(keys.map((pem) => keySigner(createPrivateKey(pem))))
const root = values.root === undefined ? undefined : await fsp.readFile(values.root)
const store = await openDirectoryMetadataStore(values.folder)
const plan = await planPages(store, signers, root)

const { open, rename } = fsp
fsp.rename = async (from, to) => {
  step(`rename ${basename(String(from)).endsWith('.part') ? 'part' : 'file'} ${basename(String(to))}`)
  await rename(from, to)
}
fsp.open = async (path, flags, mode) => {
  const name = basename(String(path)).replace(/.*\.part$/, 'part')
  step(`open ${flags === 'r' ? 'folder' : name}`)
  const handle = await open(path, flags, mode)
  const write = handle.writeFile.bind(handle)
  const sync = handle.sync.bind(handle)
  handle.writeFile = async (...data) => {
    step(`write ${name}`)
    await write(...data)
  }
  handle.sync = async () => {
    step(`sync ${flags === 'r' ? 'folder' : name}`)
    await sync()
  }
  return handle
}
syncBuiltinESMExports()

await store.publish(plan.files, () => {
  step('check')
  return Promise.resolve()
})
process.stdout.write(JSON.stringify(steps))
