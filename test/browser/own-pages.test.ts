import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test, type TestContext } from 'node:test'
import type { Explanation } from '@waxseal/index'
import axe from 'axe-core'
import { chromium, type Browser } from 'playwright-core'
import { errorPage } from '../../packages/index/src/http/error-page.ts'
import { startPage } from '../../packages/index/src/http/start-page.ts'
import { whyPage } from '../../packages/index/src/http/why-page.ts'

/** Debian's; Playwright's own browsers are not downloaded. */
const CHROMIUM = '/usr/bin/chromium'
const PHONE = { width: 390, height: 844 }
const DESKTOP = { width: 1280, height: 900 }
const FILENAME = 'acme_hello_with_a_long_name-1.0.0rc1-cp311-cp311-manylinux_2_28_x86_64.whl'
const AT = '2026-11-25T22:55:06.142000Z'

const explanation: Explanation = {
  project: 'acme-hello',
  authority: 'internal',
  source: 'local',
  sentence: 'acme-hello belongs to this index.',
  rule: { kind: 'denial', of: '3', sentence: 'demo 1.5 is blocked since 2026-03-01 (denial 3): a worm' },
  decision: { by: 'alice', since: '2026-03-01T12:00:00.000Z', reason: 'a worm' },
  next: 'Use demo==1.4, the newest that is allowed, or ask for this one: waxseal request demo==1.5',
  newest: '1.4',
  denials: [
    {
      n: 3,
      project: 'demo',
      version: '1.5',
      sha256: null,
      overlay: 'blocked',
      reason: 'a worm',
      since: '2026-03-01T12:00:00.000Z',
      until: null,
      by: 'alice',
      liftedAt: null,
      liftedBy: null,
      standing: true,
      waits: false,
    },
  ],
  openings: [],
  sealed: { role: 'sealed-2a', rev: 2, since: '2026-03-01T12:00:00.000Z', by: 'ada' },
  status: 'active',
  statusReason: null,
  snapshot: 8,
  upstreamCheckedAt: null,
  offeredCount: 1,
  withheldCount: 1,
  offered: [
    {
      filename: FILENAME,
      version: '1.0.0rc1',
      sha256: 'a'.repeat(64),
      uploadTime: AT,
      uploadTimeSource: 'upload',
      yanked: true,
      yankedReason: 'says too little',
      stored: true,
    },
  ],
  withheld: [
    {
      filename: FILENAME,
      version: '1',
      source: 'pypi',
      code: 'name-reserved',
      since: null,
      reason: 'It came from pypi.',
    },
  ],
  decisions: [
    {
      rev: 1,
      at: AT,
      actor: 'me',
      prev: null,
      hash: 'b'.repeat(64),
      sentence: 'Claimed.',
      body: { kind: 'claim', by: 'upload', evidence: [] },
    },
  ],
  events: [{ at: AT, kind: 'upstream-withdrawn', detail: { files: [FILENAME] } }],
}

/** Those that are made for a request, beside the documentation's. */
const PAGES = {
  start: () => startPage('https://packages.example/python', '0.1.0', ['read-only']),
  why: () => whyPage(explanation, undefined),
  error: () => errorPage('not-found'),
}

const resources = new AsyncDisposableStack()
after(() => resources.disposeAsync())
let browser: Browser
before(async () => {
  if (!existsSync(CHROMIUM)) return
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  resources.defer(() => browser.close())
})

for (const [name, make] of Object.entries(PAGES)) {
  for (const [colorScheme, viewport] of [
    ['light', DESKTOP],
    ['dark', PHONE],
  ] as const) {
    void test(`the page ${name}, ${colorScheme}, ${viewport.width} wide`, async (t: TestContext) => {
      if (!existsSync(CHROMIUM)) {
        const advice = 'chromium is not here: .ci/run installs it'
        if (process.env['CI']) throw new Error(advice)
        return t.skip(advice)
      }
      const context = await browser.newContext({ colorScheme, viewport })
      resources.defer(() => context.close())
      const page = await context.newPage()
      await page.setContent(String(await make()))
      await page.evaluate(axe.source)
      const { violations } = (await page.evaluate('axe.run()')) as { readonly violations: readonly { id: string }[] }
      assert.deepEqual(
        violations.map(({ id }) => id),
        [],
      )
      assert.equal(
        await page.evaluate('document.documentElement.scrollWidth'),
        viewport.width,
        'no wider than the screen',
      )
      const ground = String(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor'))
      const [red = NaN] = (/\d+/.exec(ground) ?? []).map(Number)
      assert.ok(colorScheme === 'light' ? red > 200 : red < 60, `${colorScheme}: ${ground}`)
      for (const file of await page.getByText(FILENAME, { exact: true }).all()) {
        const lines = Math.round(((await file.boundingBox())?.height ?? 0) / 20)
        assert.ok(lines <= 4, `a file name takes ${lines} lines`)
      }
    })
  }
}
