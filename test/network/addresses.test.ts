import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertSuccess, upload, workFolder } from '../clients/scene.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'

const file = buildWheel({ name: 'six-net', version: '1.0' })

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'installs over IPv6', async (pip) => {
    await using server = await startWaxseal({ listen: ['[::1]:0'], args: ['--no-upstream'] })
    assert.match(server.url, /^http:\/\/\[::1\]:\d+$/)
    await upload(server, file)
    await using work = await workFolder()
    const args = ['install', '--no-deps', '--index-url', `${server.url}/simple/`, '--target', 'out', 'six-net']
    const outcome = await pip.run(args, { cwd: work.path, env: { NO_PROXY: '::1', no_proxy: '::1' } })
    assertSuccess(outcome)
    assert.doesNotMatch(outcome.stdout + outcome.stderr, /not a trusted|insecure/i)
  })
}

describe('addresses', () => {
  it('every address is answered at and told; plain http to other machines is warned of', async () => {
    await using server = await startWaxseal({ listen: ['127.0.0.1:0', '[::]:0'], args: ['--no-upstream'] })
    const urls = server.log().match(/(?<=answers at |and at {5})http:\S+/g) ?? []
    assert.equal(urls.length, 2, server.log())
    for (const url of urls) assert.equal((await ask(`${url}-/health`)).status, 200, url)
    const [, everywhere = ''] = urls
    for (const host of ['127.0.0.1', '[::1]']) {
      assert.equal((await fetch(`${everywhere.replace('localhost', host)}-/health`)).status, 200, host)
    }
    assert.match(server.log(), /Warning: other machines reach this index over plain http/)
  })

  it('no warning on this machine alone, nor with an https public-url', async () => {
    await using near = await startWaxseal({ listen: ['127.0.0.1:0', '[::1]:0'], args: ['--no-upstream'] })
    assert.doesNotMatch(near.log(), /Warning: other machines/)
    await using proxied = await startWaxseal({
      listen: ['0.0.0.0:0'],
      args: ['--no-upstream'],
      env: { WAXSEAL_PUBLIC_URL: 'https://packages.example/' },
    })
    assert.doesNotMatch(proxied.log(), /Warning: other machines/)
  })
})
