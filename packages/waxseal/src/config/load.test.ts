import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CONFIG_KEYS } from './keys.ts'
import { checkConfig } from './load.ts'
import type { ConfigOptions } from './options.ts'
import type { ToldProblem } from './problems.ts'
import { problemLine, tellProblems } from './problems.ts'
import { findConfigFile } from './read-file.ts'

type Env = Readonly<Record<string, string>>

/** Checks `text` as a configuration file. */
async function check(text: string, env: Env = {}, options: ConfigOptions = {}) {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-config-'))
  const config = join(folder.path, 'waxseal.toml')
  writeFileSync(config, text)
  const checked = checkConfig({ config, ...options }, env)
  const told = await tellProblems(checked.problems, checked.settings.file)
  return { ...checked, folder: folder.path, told, lines: told.map((one) => problemLine(one).replace(config, 'F')) }
}

const at = ({ line, key }: ToldProblem): readonly unknown[] => [line, key]

describe('lists of names', () => {
  it('are read from the files that are named, and wrong ones are told with their line', async () => {
    await using lists = await mkdtempDisposable(join(tmpdir(), 'waxseal-corpus-'))
    const list = (name: string, text: string): string => {
      writeFileSync(join(lists.path, name), text)
      return JSON.stringify(join(lists.path, name))
    }
    const good = await check(`[names]\ncorpus = [${list('a', 'Requests\n')}, ${list('b', '# theirs\n\nnumpy\n')}]`)
    assert.deepEqual(good.lines, [])
    const { corpus } = good.config.index.claims
    assert.deepEqual(
      ['requests', 'numpy', 'scipy'].map((name) => corpus.has(name)),
      [true, true, false],
    )
    assert.equal(corpus.looksLike('requests'), 'requests')

    const bad = await check(`[names]\ncorpus = [${list('c', 'numpy\n\nno name\n')}, "gone.txt"]`)
    assert.match(bad.lines[0] ?? '', /^F, line 2, names\.corpus\[0\]: line 3 of .*c is not the name of a project$/)
    assert.match(bad.lines[1] ?? '', /names\.corpus\[1\]: the file .*gone\.txt cannot be read \(ENOENT\)$/)
  })
})

describe('the default for names that nobody claimed', () => {
  it('is open, without a cooldown and with one approval, unless it is told otherwise', async () => {
    assert.deepEqual((await check('')).config.index.policy, { unclaimed: [], cooldown: 0, approvals: 1 })
    const { config, lines } = await check(
      [
        '[names]',
        'cooldown-days = 3',
        'approvals = 2',
        '[[names.unclaimed]]',
        'pattern = "internal-*"',
        'mode = "deny"',
        '[[names.unclaimed]]',
        'pattern = "*"',
        'mode = "approve"',
      ].join('\n'),
    )
    assert.deepEqual(lines, [])
    const unclaimed = [
      { pattern: 'internal-*', mode: 'deny' },
      { pattern: '*', mode: 'approve' },
    ]
    assert.deepEqual(config.index.policy, { unclaimed, cooldown: 259_200, approvals: 2 })
    const env = { WAXSEAL_NAMES_UNCLAIMED: 'internal-*=deny,*=approve', WAXSEAL_NAMES_COOLDOWN_DAYS: '0.5' }
    assert.deepEqual((await check('', env)).config.index.policy, { unclaimed, cooldown: 43_200, approvals: 1 })
  })

  it('is told wrong by its key', async () => {
    const { lines } = await check(
      ['[names]', 'approvals = 0', 'unclaimed = [{ pattern = "Corp_*", mode = "open" }, "*=closed", "nothing"]'].join(
        '\n',
      ),
    )
    assert.equal(lines.length, 4, lines.join('\n'))
    for (const [at, part] of [
      'approvals',
      'PREFIX-\\*',
      '"open" or "approve" or "deny"',
      'names.unclaimed',
    ].entries()) {
      assert.match(lines[at] ?? '', new RegExp(part))
    }
  })
})

describe('keys of the server', () => {
  it('are files in the data folder, or where their addresses say; relative paths count from the file', async () => {
    const { config, lines, folder } = await check(
      [
        'data = "data"',
        '[signing]',
        'timestamp = "vault:transit/online?version=2&address=https://vault.example&token-file=vault.token"',
        'snapshot = "file:keys/my%20snapshot.pem"',
        'deny = "env:WAXSEAL_KEY_DENY"',
      ].join('\n'),
      { WAXSEAL_SIGNING_PAGES: 'file:/run/keys/pages.json?passphrase-file=/run/pass' },
    )
    assert.deepEqual(lines, [])
    const { timestamp, snapshot, deny, names, pages } = config.index.signing
    assert.deepEqual(timestamp.kind === 'vault' && timestamp.token, { kind: 'file', path: join(folder, 'vault.token') })
    assert.deepEqual(snapshot, { kind: 'file', path: join(folder, 'keys/my snapshot.pem'), passphrase: undefined })
    assert.deepEqual(deny, { kind: 'env', variable: 'WAXSEAL_KEY_DENY' })
    assert.deepEqual(names, { kind: 'file', path: join(folder, 'data/keys/names.pem') })
    const passphrase = { kind: 'file', path: '/run/pass' }
    assert.deepEqual(pages, { kind: 'file', path: '/run/keys/pages.json', passphrase })
  })

  it('are told with key and line where an address is none, and nothing of it is repeated', async () => {
    const { lines } = await check(
      [
        '[signing]',
        'timestamp = "hunter2"',
        'pages = "pkcs11:token=t;id=%01?module-path=/m&pin-value=hunter2"',
        'names = "vault:t/k?version=1&token-env=T&address=https://me:hunter2@vault.example"',
        'select = "file:"',
        'snapshots = "file:x"',
      ].join('\n'),
    )
    assert.equal(lines.length, 5)
    for (const [at, pattern] of [
      /^F, line 2, signing\.timestamp: It cannot be said where the key is: it has none of the forms file:/,
      /^F, line 3, signing\.pages: .* use pin-file or pin-env/,
      /^F, line 4, signing\.names: The address of Vault holds more than host and path/,
      /^F, line 5, signing\.select: .* path is empty/,
      /^F, line 6, signing\.snapshots: there is no such key\. Did you mean snapshot\?/,
    ].entries())
      assert.match(lines[at] ?? '', pattern)
    assert.doesNotMatch(lines.join(), /hunter2/)
  })

  it('may be in variables that they name, which then mean something', async () => {
    const env = {
      WAXSEAL_SIGNING_DENY: 'env:WAXSEAL_KEY_DENY',
      WAXSEAL_KEY_DENY: 'x',
      WAXSEAL_KEY_DENI: 'x',
    }
    const { warnings } = await check('', env)
    assert.equal(warnings.length, 1, warnings.join())
    assert.match(warnings[0] ?? '', /WAXSEAL_KEY_DENI means nothing.*Did you mean WAXSEAL_KEY_DENY\?/)
  })

  it('of people lie outside of the data folder', async () => {
    for (const [inside, lines] of [
      ['data/offline', 1],
      ['data', 1],
      ['data-offline', 0],
      ['../elsewhere', 0],
    ] as const) {
      const checked = await check(`offline-keys = "${inside}"\ndata = "data"`)
      assert.equal(checked.lines.length, lines, inside)
      for (const line of checked.lines) assert.match(line, /^F, line 1, offline-keys: stands inside the data folder/)
    }
  })
})

describe('the configuration file', () => {
  it('tells every problem at once, with line and key, in the order of the file', async () => {
    const { told } = await check(
      [
        'listenn = "x"',
        'listen = ["127.0.0.1:1", "nowhere"]',
        'reading = "privat"',
        'prefixes = ["ok",',
        '  "bad!"]',
        'trusted-proxies = ["300.1.1.1"]',
        '[uploads]',
        'max-file-size = "4G"',
        'upstream.pypi.url = 1',
        '[upstream.Bad_Name]',
        'url = "https://x/"',
        '[upstream.one]',
        'url = "ftp://pypi.org"',
        'token-file = "nothere"',
        '[upstream.two]',
        'ca-file = "/dev/null"',
        '[upstream.__proto__]',
        'url = "https://x/"',
        '[tls]',
        'key = "x"',
      ].join('\n'),
    )
    assert.deepEqual(told.map(at), [
      [1, 'listenn'],
      [2, 'listen[1]'],
      [3, 'reading'],
      [5, 'prefixes[1]'],
      [6, 'trusted-proxies[0]'],
      [8, 'uploads.max-file-size'],
      [9, 'uploads.upstream'],
      [10, 'upstream.Bad_Name'],
      [13, 'upstream.one.url'],
      [14, 'upstream.one.token-file'],
      [15, 'upstream.two.url'],
      [16, 'upstream.two.ca-file'],
      [17, 'upstream.__proto__'],
      [20, 'tls.key'],
    ])
  })

  const sentences: readonly (readonly [string, string])[] = [
    ['listenn = "x"', 'F, line 1, listenn: there is no such key. Did you mean listen?'],
    [
      '\n[uploads]\nmax-filesize = 1',
      'F, line 3, uploads.max-filesize: there is no such key. Did you mean max-file-size?',
    ],
    [
      '[uploads]\nlisten = "x"',
      'F, line 2, uploads.listen: there is no such key in [uploads]; listen belongs to the top of the file, before any [table]',
    ],
    ['listen = 3', 'F, line 1, listen: wants text in quotes or a list in [ ]'],
    ['listen = []', 'F, line 1, listen: wants at least one entry'],
    ['reading = "x"', 'F, line 1, reading: wants "public" or "private"'],
    [
      '[upstream.a]\nurl = "https://a/"\nrefresh-seconds = -1',
      'F, line 3, upstream.a.refresh-seconds: wants at least 0',
    ],
    ['[upstream.a]', 'F, line 1, upstream.a.url: is missing'],
    [
      'upstream = { a = { urll = "https://a/" } }',
      'F, line 1, upstream.a.urll: there is no such key. Did you mean url?',
    ],
    [
      '[upstream.a]\nurl = "https://a/"\npassword = "hunter2"',
      'F, line 3, upstream.a.password: there is no such key. Did you mean password-file?',
    ],
    ['[uploads]\nmax = 1', 'F, line 2, uploads.max: there is no such key.'],
    ['uploads = 1', 'F, line 1, uploads: wants a table'],
    ['"\\u001b[2J" = 1', 'F, line 1, "\\u001b[2J": there is no such key.'],
  ]
  for (const [text, sentence] of sentences) {
    it(`says of ${JSON.stringify(text)}: ${sentence}`, async () => {
      assert.ok((await check(text)).lines.includes(sentence), (await check(text)).lines.join('\n'))
    })
  }

  it('names the line of what is not TOML, and repeats nothing of it', async () => {
    await assert.rejects(check('a = 1\ndatabase = "postgres://u:hunter2@h/x\n'), (error: Error) => {
      assert.match(error.message, /waxseal\.toml, line 2: this is not TOML: /)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    })
  })

  it('says of text that its line does not end what is missing', async () => {
    await assert.rejects(check('a = 1\nlisten = "127.0.0.1:8417\n[tls]\n'), (error: Error) => {
      assert.match(error.message, /waxseal\.toml, line 2: this is not TOML: a quote is missing where the text ends$/)
      return true
    })
    await assert.rejects(check('a = "\u0007"\n'), /line 1: this is not TOML: control characters/)
  })

  it('never repeats a secret: not of a database, not of an upstream, not of a proxy', async () => {
    const { lines } = await check(
      'database = "mysql://u:hunter2@h/x"\npublic-url = "ftp://u:hunter2@h"\n[upstream.a]\nurl = "ftp://u:hunter2@h/"\nproxy = "u:hunter2@h"\nalso-allow = ["https://u:hunter2@h"]',
    )
    assert.equal(lines.length, 5)
    assert.doesNotMatch(lines.join('\n'), /hunter2/)
  })

  it('takes relative paths from the folder of the file, and from here in options and variables', async () => {
    const text = 'data = "store"\n[tls]\ncertificate = "c.pem"\nkey = "/k.pem"\n'
    const { config, folder } = await check(text)
    assert.equal(config.index.dataDir, join(folder, 'store'))
    assert.deepEqual(config.tls, { certificate: join(folder, 'c.pem'), key: '/k.pem' })
    const fromEnvironment = await check(text, { WAXSEAL_DATA: 'store' })
    assert.equal(fromEnvironment.config.index.dataDir, join(process.cwd(), 'store'))
  })

  it('keeps the order of upstreams; an empty [upstream] is none, no table is PyPI', async () => {
    const names = async (text: string): Promise<readonly string[]> =>
      (await check(text)).config.index.upstreams.map(({ name }) => name)
    assert.deepEqual(await names('[upstream.z]\nurl="https://z/"\n[upstream.a]\nurl="https://a/"'), ['z', 'a'])
    assert.deepEqual(await names('[upstream]'), [])
    assert.deepEqual(await names(''), ['pypi'])
    // JavaScript would put it first, whatever stands before it.
    assert.equal((await check('[upstream.7]\nurl="https://z/"')).told.length, 1)
  })
})

describe('what wins', () => {
  it('an option over the environment, that over the file, that over the default', async () => {
    const listen = async (env: Env, options: ConfigOptions, text = 'listen = "127.0.0.1:3"') =>
      (await check(text, env, options)).config.listen.map(({ port }) => port)
    const env = { WAXSEAL_LISTEN: '127.0.0.1:2,[::1]:4' }
    assert.deepEqual(await listen(env, { listen: ['127.0.0.1:1'] }), [1])
    assert.deepEqual(await listen(env, {}), [2, 4])
    assert.deepEqual(await listen({}, {}), [3])
    assert.deepEqual(await listen({ WAXSEAL_LISTEN: '' }, {}, ''), [8417])
  })

  it('every key of the file but those below a name has its variable; a wrong one is told by its name', async () => {
    for (const { path, variable, kind } of CONFIG_KEYS) {
      assert.equal(variable === undefined, path.includes('NAME'), path.join('.'))
      if (variable === undefined || kind === 'text') continue
      const { lines } = await check('', { [variable]: 'wrong!' })
      assert.ok(lines[0]?.startsWith(`${variable}: `), `${variable}: ${lines.join()}`)
    }
  })

  it('a webhook has an address, known kinds and a key; upstreams that the sentinel passes over exist', async () => {
    const { config, lines } = await check(
      '[webhook.chat]\nurl = "https://chat.example/"\nevents = ["user-created"]\nkey = "env:HOOK_KEY"\n[webhook.b]\nurl = "http://b/"',
    )
    assert.deepEqual(lines, [])
    const [chat, other] = config.index.webhooks
    assert.deepEqual(chat, {
      name: 'chat',
      url: 'https://chat.example/',
      events: ['user-created'],
      key: { kind: 'env', variable: 'HOOK_KEY' },
    })
    assert.ok(other?.key.kind === 'file' && other.key.path.endsWith('/keys/webhook-b.pem'))
    const wrong = await check(
      '[webhook.a]\nurl = "https://u:p@a.example/"\n[webhook.b]\nurl = "ftp://b"\n[webhook.c]\n[webhook."D d"]\nurl = "http://d"\n[webhook.e]\nurl = "http://e/"\nevents = ["unheard-of"]\n[sentinel]\nexcept = ["typo"]',
    )
    const text = wrong.lines.join('\n')
    for (const part of [
      /webhook\.a\.url: must hold no user name/,
      /webhook\.b\.url: wants an http or https URL/,
      /webhook\.c\.url: /,
      /"D d" cannot name a webhook/,
      /webhook\.e\.events/,
      /sentinel\.except: there is no upstream typo/,
    ]) {
      assert.match(text, part)
    }
    assert.doesNotMatch(text, /u:p/)
  })

  it('a file that is overridden is held to its rules all the same', async () => {
    const { lines } = await check('reading = "x"', { WAXSEAL_READING: 'private' })
    assert.deepEqual(lines, ['F, line 1, reading: wants "public" or "private"'])
  })

  it('a secret may come in a file that a variable names, but not from two places', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-secret-'))
    const file = join(folder.path, 'secret')
    writeFileSync(file, 'postgres://u:p@h/name\n')
    const url = 'postgres://u:p@h/name'
    const { config } = await check('', { WAXSEAL_DATABASE_FILE: file })
    assert.deepEqual(config.index.database, { kind: 'postgres', url })
    writeFileSync(file, 'a-token-for-admin\n')
    assert.equal((await check('', { WAXSEAL_ADMIN_TOKEN_FILE: file })).config.index.adminToken, 'a-token-for-admin')
    const both = await check('', { WAXSEAL_DATABASE: url, WAXSEAL_DATABASE_FILE: file })
    assert.deepEqual(both.lines, ['WAXSEAL_DATABASE_FILE: stands beside WAXSEAL_DATABASE; set one of the two'])
    const gone = await check('', { WAXSEAL_ADMIN_TOKEN_FILE: join(folder.path, 'gone'), WAXSEAL_LOGS: '1' })
    assert.match(gone.lines.join(), /^WAXSEAL_ADMIN_TOKEN_FILE: the file .*gone cannot be read \(ENOENT\)$/)
    assert.deepEqual((await check('', { WAXSEAL_ADMIN_TOKEN: 'short' })).lines, [
      'WAXSEAL_ADMIN_TOKEN: needs at least 8 characters',
    ])
  })

  it('warns of a variable that means nothing, but not of what an orchestrator sets for its services', async () => {
    const { warnings } = await check('', {
      WAXSEAL_LISTNE: 'x',
      WAXSEAL_NIGHTLY: '1',
      WAXSEAL_CONFIG: 'x',
      WAXSEAL_SERVICE_HOST: '10.0.0.1',
      WAXSEAL_PORT_8417_TCP_ADDR: '10.0.0.1',
    })
    assert.deepEqual(warnings, [
      'The environment variable WAXSEAL_LISTNE means nothing to Waxseal. Did you mean WAXSEAL_LISTEN?',
    ])
  })
})

describe('which file is read', () => {
  it('--config, WAXSEAL_CONFIG, that of the data folder given, the one here, that of the default data folder', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-lookup-'))
    const before = process.cwd()
    process.chdir(folder.path)
    try {
      const given = join(folder.path, 'given')
      assert.equal(findConfigFile({}, {}), undefined)
      for (const name of ['given', 'waxseal-data']) {
        mkdirSync(name)
        writeFileSync(join(name, 'waxseal.toml'), '')
      }
      assert.equal(findConfigFile({}, {}), 'waxseal-data/waxseal.toml')
      writeFileSync('waxseal.toml', '')
      assert.equal(findConfigFile({}, {}), 'waxseal.toml')
      assert.equal(findConfigFile({ data: given }, {}), join(given, 'waxseal.toml'))
      assert.equal(findConfigFile({}, { WAXSEAL_DATA: given }), join(given, 'waxseal.toml'))
      assert.equal(findConfigFile({ data: given }, { WAXSEAL_CONFIG: 'c' }), 'c')
      assert.equal(findConfigFile({ data: given, config: 'd' }, { WAXSEAL_CONFIG: 'c' }), 'd')
    } finally {
      process.chdir(before)
    }
  })
})
