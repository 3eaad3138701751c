import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { RepositoryServer } from './support/repository-server.ts'
import { RepositorySimulator, START } from './support/repository-simulator.ts'
import { writeTime } from '../src/timestamps.ts'

const CLIENT = new URL('../bin/conformance-client', import.meta.url).pathname
/** The process goes by the clock of the machine. */
const LATER = writeTime(Math.max(START, Date.now()) + 1000 * 24 * 60 * 60_000)

/** The client of the public conformance suite's protocol, as a process, with a repository over HTTP. */
class Conformance implements AsyncDisposable {
  readonly repository: RepositorySimulator
  readonly server: RepositoryServer
  readonly folder: string

  private constructor(repository: RepositorySimulator, server: RepositoryServer, folder: string) {
    this.repository = repository
    this.server = server
    this.folder = folder
  }

  static async start(): Promise<Conformance> {
    const repository = await RepositorySimulator.create()
    for (const document of [repository.timestamp, repository.snapshot, repository.role('targets')]) {
      document.expires = LATER
    }
    repository.root.expires = LATER
    repository.root.version = 0
    await repository.publishRoot()
    repository.snapshot.version = 0
    repository.timestamp.version = 0
    repository.role('targets').version = 0
    await repository.publish('targets')
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-conformance-'))
    await mkdir(join(folder, 'targets'))
    await writeFile(join(folder, 'initial_root.json'), repository.firstRoot)
    return new Conformance(repository, await RepositoryServer.start(repository), folder)
  }

  async init(): Promise<Ended> {
    return await this.#run('--metadata-dir', this.metadata, 'init', join(this.folder, 'initial_root.json'))
  }

  async refresh(): Promise<Ended> {
    return await this.#run('--metadata-url', this.server.metadataUrl, '--metadata-dir', this.metadata, 'refresh')
  }

  async download(...names: string[]): Promise<Ended> {
    return await this.#run(
      '--metadata-url',
      this.server.metadataUrl,
      '--metadata-dir',
      this.metadata,
      ...names.flatMap((name) => ['--target-name', name]),
      '--target-dir',
      join(this.folder, 'targets'),
      '--target-base-url',
      this.server.targetsUrl,
      'download',
    )
  }

  get metadata(): string {
    return join(this.folder, 'metadata')
  }

  async stored(name: string): Promise<Uint8Array> {
    return await readFile(join(this.metadata, name))
  }

  /** Contents of what was downloaded, by file name. */
  async downloaded(): Promise<readonly string[]> {
    const names = (await readdir(join(this.folder, 'targets'))).sort()
    return await Promise.all(names.map((name) => readFile(join(this.folder, 'targets', name), 'utf8')))
  }

  async run(...args: string[]): Promise<Ended> {
    return await this.#run(...args)
  }

  async #run(...args: string[]): Promise<Ended> {
    this.server.requests.length = 0
    return await new Promise((resolve) => {
      execFile(CLIENT, args, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` })
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true })
  }
}

interface Ended {
  readonly code: number
  readonly output: string
}

const FINE: Ended = { code: 0, output: '' }

function assertRefused({ code, output }: Ended, pattern: RegExp): void {
  assert.equal(code, 1, output)
  assert.match(output, pattern)
  // One line for people, no stack.
  assert.match(output, /^conformance-client: .*\n$/)
}

suite('conformance-client', { concurrency: 2 }, () => {
  void test('init stores the root and requests nothing; refresh requests what it must, in order, and nothing else', async () => {
    await using conformance = await Conformance.start()
    const { repository, server } = conformance
    assert.deepEqual(await conformance.init(), FINE)
    assert.deepEqual(server.requests, [])
    assert.deepEqual(await conformance.stored('root.json'), repository.firstRoot)
    await repository.publishRoot()
    await repository.publish('targets')
    assert.deepEqual(await conformance.refresh(), FINE)
    assert.deepEqual(server.requests, [
      '2.root.json',
      '3.root.json',
      'timestamp.json',
      '2.snapshot.json',
      '2.targets.json',
    ])
    const names = (await readdir(conformance.metadata)).filter((name) => name.endsWith('.json')).sort()
    assert.deepEqual(names, ['root.json', 'snapshot.json', 'targets.json', 'timestamp.json'])
    assert.deepEqual(await conformance.stored('root.json'), repository.file('2.root.json'))
    assert.deepEqual(await conformance.stored('timestamp.json'), repository.file('timestamp.json'))
    assert.deepEqual(await conformance.stored('snapshot.json'), repository.file('2.snapshot.json'))
    assert.deepEqual(await conformance.stored('targets.json'), repository.file('2.targets.json'))
    assert.deepEqual(await conformance.refresh(), FINE)
    assert.deepEqual(server.requests, ['3.root.json', 'timestamp.json'])
  })

  void test('a second init keeps what is trusted; one with another root is refused', async () => {
    await using conformance = await Conformance.start()
    const { repository } = conformance
    await conformance.init()
    await repository.publishRoot()
    await conformance.refresh()
    assert.deepEqual(await conformance.init(), FINE)
    assert.deepEqual(await conformance.stored('root.json'), repository.file('2.root.json'))
    await using other = await Conformance.start()
    await other.init()
    await writeFile(join(other.folder, 'initial_root.json'), repository.firstRoot)
    assertRefused(await other.init(), /state-invalid/)
  })

  void test('a root that is not whole is refused, and requests nothing afterwards', async () => {
    await using conformance = await Conformance.start()
    const broken = Buffer.from(conformance.repository.firstRoot).toString().replace('"version":1', '"version":2')
    await writeFile(join(conformance.folder, 'initial_root.json'), broken)
    assertRefused(await conformance.init(), /threshold-not-met/)
    assertRefused(await conformance.refresh(), /state-invalid/)
    assert.deepEqual(conformance.server.requests, [])
  })

  void test('one refresh for all targets; what is there already and right is not fetched again', async () => {
    await using conformance = await Conformance.start()
    const { repository, server } = conformance
    repository.delegate('targets', 'some/role', { paths: ['dir/*'] })
    repository.role('some/role').expires = LATER
    repository.addTarget('targets', 'file', 'first')
    repository.addTarget('some/role', 'dir/file', 'second')
    await repository.publish('targets', 'some/role')
    await conformance.init()
    assert.deepEqual(await conformance.download('file', 'dir/file'), FINE)
    assert.deepEqual(server.requests.slice(0, 4), [
      '2.root.json',
      'timestamp.json',
      '2.snapshot.json',
      '2.targets.json',
    ])
    assert.equal(server.requests.length, 7)
    assert.equal(server.requests[5], '1.some%2Frole.json')
    assert.deepEqual(await conformance.stored('some%2Frole.json'), repository.file('1.some%2Frole.json'))
    assert.deepEqual(await conformance.downloaded(), ['second', 'first'])
    assert.deepEqual(await conformance.download('file', 'dir/file'), FINE)
    assert.deepEqual(server.requests, ['2.root.json', 'timestamp.json'])
    // Changed contents take the place of what is there, under the same name.
    repository.addTarget('targets', 'file', 'third')
    await repository.publish('targets')
    assert.deepEqual(await conformance.download('file'), FINE)
    assert.deepEqual(await conformance.downloaded(), ['second', 'third'])
  })

  void test('a target that was replaced or is not listed is refused, and what was downloaded before stays', async () => {
    await using conformance = await Conformance.start()
    const { repository } = conformance
    repository.addTarget('targets', 'file', 'right')
    repository.addTarget('targets', 'other', 'other')
    await repository.publish('targets')
    await conformance.init()
    assert.deepEqual(await conformance.download('file'), FINE)
    for (const name of repository.targetFiles.keys()) repository.targetFiles.set(name, Buffer.from('wrong'))
    assertRefused(await conformance.download('other'), /hash-mismatch/)
    assertRefused(await conformance.download('missing'), /missing-role/)
    assert.deepEqual(await conformance.downloaded(), ['right'])
    repository.addTarget('targets', 'other.tmp', 'besides')
    await repository.publish('targets')
    assert.deepEqual(await conformance.download('other.tmp'), FINE)
    assertRefused(await conformance.download('other'), /hash-mismatch/)
    assert.deepEqual(await conformance.downloaded(), ['right', 'besides'])
  })

  void test('metadata that is refused ends in 1, one line, and no change', async () => {
    await using conformance = await Conformance.start()
    const { repository } = conformance
    await conformance.init()
    await conformance.refresh()
    const before = await conformance.stored('timestamp.json')
    repository.signers.set('timestamp', [])
    await repository.publishTimestamp()
    assertRefused(await conformance.refresh(), /threshold-not-met/)
    assert.deepEqual(await conformance.stored('timestamp.json'), before)
    await conformance.server[Symbol.asyncDispose]()
    assertRefused(await conformance.refresh(), /fetch-failed/)
  })

  void test('wrong use ends in 1 and one line', async () => {
    await using conformance = await Conformance.start()
    assertRefused(await conformance.run(), /--metadata-dir/)
    assertRefused(await conformance.run('--metadata-dir', conformance.metadata, 'dance'), /refresh/)
    assertRefused(await conformance.run('--nonsense'), /nonsense/)
  })
})
