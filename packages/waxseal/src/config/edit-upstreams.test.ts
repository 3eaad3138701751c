import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withUpstreams, withoutUpstream } from './edit-upstreams.ts'

const PARTNER = { name: 'partner', values: { url: 'https://p.example/', 'also-allow': ['https://f.example'] } }
const WRITTEN = '[upstream.partner]\nurl = "https://p.example/"\nalso-allow = ["https://f.example"]\n'
const FILE = `# Ours.
listen = "127.0.0.1:1" # here

# The public one.
[upstream.pypi] # for all
url = "https://pypi.org/simple/" # as ever
# slow on Mondays
refresh-seconds = 600

# The other one.
[upstream.torch]
url = "https://torch.example/"

[uploads]
max-file-size = 1
# the end
`

test('an upstream is added at the end, or before all others, and every byte of the rest stays', () => {
  assert.equal(withUpstreams(FILE, [PARTNER], false), `${FILE}\n${WRITTEN}`)
  const at = FILE.indexOf('[upstream.pypi]')
  assert.equal(withUpstreams(FILE, [PARTNER], true), `${FILE.slice(0, at)}\n${WRITTEN}\n${FILE.slice(at)}`)
  assert.equal(withUpstreams('', [PARTNER], true), WRITTEN)
  assert.equal(withUpstreams('reading = "private"', [PARTNER], false), `reading = "private"\n\n${WRITTEN}`)
  assert.equal(withUpstreams('[upstream]\n', [PARTNER], true), `${WRITTEN}\n[upstream]\n`)
  assert.equal(withUpstreams('a = 1\r\n', [PARTNER], false), `a = 1\r\n\r\n${WRITTEN.replaceAll('\n', '\r\n')}`)
})

test('an upstream is cut out, and every byte of the rest stays', () => {
  const [head, tail] = [FILE.slice(0, FILE.indexOf('[upstream.pypi]')), FILE.slice(FILE.indexOf('# The other one.'))]
  assert.equal(withoutUpstream(FILE, 'pypi'), head + tail)
  assert.equal(withoutUpstream(FILE, 'torch'), FILE.replace('[upstream.torch]\nurl = "https://torch.example/"\n\n', ''))
  const inline = '[upstream]\na = { url = "https://a/" }\nb = { url = "https://b/" } # two\n'
  assert.equal(withoutUpstream(inline, 'b'), '[upstream]\na = { url = "https://a/" }\n')
  const keys = 'upstream.a.url = "https://a/"\nupstream.b.url = "https://b/"\n'
  assert.equal(withoutUpstream(keys, 'a'), 'upstream.b.url = "https://b/"\n')
  assert.equal(withoutUpstream('[upstream.a]\nurl = "https://a/"', 'a'), '# None is asked.\n[upstream]\n')
  assert.equal(withoutUpstream('[upstream]\n[upstream.a]\nurl = "https://a/"', 'a'), '[upstream]\n')
})

test('what cannot be written so that it says just this is left to people', () => {
  assert.equal(withUpstreams('upstream = { a = { url = "https://a/" } }\n', [PARTNER], false), undefined)
  assert.equal(
    withoutUpstream('upstream = { a = { url = "https://a/" }, b = { url = "https://b/" } }\n', 'a'),
    undefined,
  )
})
