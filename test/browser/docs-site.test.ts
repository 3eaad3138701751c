import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import axe from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { serveDocs } from '../../packages/index/src/http/docs-route.ts'
import { DocsSite } from '../../packages/index/src/http/docs-site.ts'
import { parseTarget } from '../../packages/index/src/http/path.ts'
import { ownFolder } from '../../packages/index/src/own-files.ts'
import { buildSite } from '../../scripts/docs-site/build-site.ts'

/** Debian's; Playwright's own browsers are not downloaded. */
const CHROMIUM = '/usr/bin/chromium'
/** Where a proxy may publish the index: relative links have to hold. */
const PREFIX = '/python'
const PHONE = { width: 390, height: 844 }
const DESKTOP = { width: 1280, height: 900 }
/** One of each kind. */
const KINDS = ['', 'clients.html', 'configuration.html', 'commands/serve.html', 'errors/', 'errors/upload-file-exists']

/** Those whose tables are more than names and sentences. */
const TABLES = ['trouble.html', 'operation.html', 'deployment.html', 'configuration.html', 'commands/setup.html']

const resources = new AsyncDisposableStack()
after(() => resources.disposeAsync())
let browser: Browser
let docs: string
before(async () => {
  if (!existsSync(CHROMIUM)) return
  const scratch = await mkdtemp(join(tmpdir(), 'waxseal-browser-'))
  resources.defer(() => rm(scratch, { recursive: true }))
  buildSite(join(scratch, 'site'))
  const site = await DocsSite.open(ownFolder(join(scratch, 'site')))
  const server = createServer((req, res) => {
    // As a proxy does that publishes the index under a prefix.
    req.url = (req.url ?? '/').replace(PREFIX, '')
    const path = parseTarget(req.url)
    if (path.kind === 'path' && path.segments[0] === 'docs') void serveDocs(site, { req, res, path })
    else res.writeHead(404).end()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  resources.defer(() => server[Symbol.asyncDispose]())
  resources.defer(() => server.closeAllConnections())
  const address = server.address()
  docs = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}${PREFIX}/docs/`
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  resources.defer(() => browser.close())
})

function browserTest(title: string, body: (t: TestContext) => Promise<void>): void {
  void test(title, async (t) => {
    if (existsSync(CHROMIUM)) return await body(t)
    const advice = 'chromium is not here: .ci/run installs it'
    if (process.env['CI']) throw new Error(advice)
    t.skip(advice)
  })
}

/** A page whose complaints, those about the content security policy among them, end the test. */
async function open(path: string, options: BrowserContextOptions): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('requestfailed', (request) => complaints.push(request.url()))
  page.on('response', (response) => response.status() >= 400 && complaints.push(response.url()))
  await page.goto(docs + path)
  return Object.assign(page, {
    [Symbol.asyncDispose]: async () => {
      await context.close()
      assert.deepEqual(complaints, [], path)
    },
  })
}

browserTest('axe finds nothing wrong with any kind of page, light and wide, dark and narrow', async () => {
  for (const [colorScheme, viewport] of [
    ['light', DESKTOP],
    ['dark', PHONE],
  ] as const) {
    for (const path of KINDS) {
      await using page = await open(path, { colorScheme, viewport })
      await page.evaluate(axe.source)
      const found = (await page.evaluate('axe.run()')) as { readonly violations: readonly Violation[] }
      const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
      assert.deepEqual(told, [], `${path} ${colorScheme} ${viewport.width}`)
    }
  }
})

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

browserTest('no page is wider than a phone', async () => {
  for (const path of KINDS) {
    await using page = await open(path, { viewport: PHONE })
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), PHONE.width, path)
  }
})

browserTest('on a desktop every table is there to its right edge', async () => {
  for (const path of TABLES) {
    await using page = await open(path, { viewport: DESKTOP })
    const overflow = `[...document.querySelectorAll('.table')].map((box) => box.scrollWidth - box.clientWidth)`
    const cut: unknown = await page.evaluate(overflow)
    assert.ok(Array.isArray(cut) && cut.length > 0, path)
    assert.deepEqual(
      cut.filter((pixels) => pixels !== 0),
      [],
      path,
    )
  }
})

browserTest('on a phone the menu opens, leads on, and closes; without JavaScript too', async () => {
  for (const javaScriptEnabled of [true, false]) {
    await using page = await open('', { viewport: PHONE, javaScriptEnabled })
    const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Configuration' })
    assert.equal(await link.isVisible(), false)
    await page.getByRole('button', { name: 'Menu' }).click()
    await link.click()
    await page.waitForURL(/\/configuration\.html$/)
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'Configuration')
    assert.equal(await link.isVisible(), false)
  }
})

browserTest('the search finds a key, a command and a refusal, and leads there under a prefix', async () => {
  await using page = await open('clients.html', { viewport: DESKTOP })
  const wanted = [
    ['public-url', /configuration\.html#.*public-url$/],
    ['token create', /commands\/token-create\.html$/],
    ['serve', /commands\/serve\.html$/],
    ['upload-file-exists', /errors\/upload-file-exists\.html$/],
  ] as const
  for (const [words, place] of wanted) {
    await page.getByRole('searchbox').fill(words)
    await page.locator('#search li a').first().waitFor()
    await page.getByRole('searchbox').press('Enter')
    await page.waitForURL(place)
    assert.ok(new URL(page.url()).pathname.startsWith(`${PREFIX}/docs/`))
  }
})

browserTest('Enter leads to what is found also when what is searched in comes later', async () => {
  await using page = await open('', { viewport: DESKTOP })
  const [arrived, pressed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await page.route('**/search.json', async (route) => {
    arrived.resolve()
    await pressed.promise
    await route.continue()
  })
  await page.getByRole('searchbox').fill('public-url')
  await page.getByRole('searchbox').press('Enter')
  await arrived.promise
  pressed.resolve()
  await page.waitForURL(/configuration\.html#.*public-url$/)
})

browserTest('a search that cannot be loaded says so, and works as soon as it can', async () => {
  await using context = await browser.newContext({ viewport: DESKTOP })
  const page = await context.newPage()
  await page.goto(docs)
  await page.route('**/search.json', (route) => route.abort())
  await page.getByRole('searchbox').fill('public')
  await page.getByText('The search cannot be loaded').waitFor()
  await page.unroute('**/search.json')
  await page.getByRole('searchbox').fill('public-url')
  await page.getByRole('searchbox').press('Enter')
  await page.waitForURL(/configuration\.html#.*public-url$/)
})

browserTest('without JavaScript there is no empty field, and nothing else is missing', async () => {
  await using page = await open('', { viewport: DESKTOP, javaScriptEnabled: false })
  assert.equal(await page.getByRole('searchbox').count(), 0)
  assert.ok(await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Commands' }).isVisible())
})
