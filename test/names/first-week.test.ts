import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { simulated } from '../conformance/offered.ts'
import { clientEnvironment, clientTest, outsideRequests, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import { stepsOf, walk } from '../support/walk.ts'

/** The one thing that is not as the page has it. */
const PYPI = 'https://pypi.org/simple/'

for (const wanted of wantedClients('twine').filter(({ label }) => !label.includes('newest'))) {
  clientTest(wanted, 'in docs/first-week.md, word for word in one shell', async (client) => {
    await using pypi = await startSimulator()
    const page = await readFile(resolve(import.meta.dirname, '../../docs/first-week.md'), 'utf8')
    assert.equal(page.split(PYPI).length, 2)
    const steps = stepsOf(page.replace(PYPI, pypi.simpleUrl))
    assert.ok(steps.length > 50, `${steps.length} commands`)
    const days = new Set<string>()
    await walk(steps, {
      async env(folder) {
        const home = join(folder, 'home')
        await mkdir(home)
        return await clientEnvironment(home, client.path)
      },
      before({ section }) {
        if (section.startsWith('Wednesday') && !days.has(section)) {
          pypi.addProject({ name: 'billing', files: [simulated(buildWheel({ name: 'billing', version: '99.0' }))] })
          pypi.listNames(['billing'])
        }
        days.add(section)
      },
    })
    assert.equal(days.size, 7)
    assert.deepEqual(outsideRequests(), [], 'somebody else was asked')
    assert.deepEqual(pypi.requestsFor(/billing|acme/), [], 'PyPI heard of a name of the company')
  })
}
