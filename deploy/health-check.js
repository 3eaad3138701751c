// Exits with 0 when the server of this container answers. WAXSEAL_HEALTH_URL where it listens elsewhere or on https.
import { get } from 'node:http'
import { get as getSecurely } from 'node:https'

const url = process.env.WAXSEAL_HEALTH_URL ?? 'http://127.0.0.1:8417/-/health'
const ask = url.startsWith('https:') ? getSecurely : get
// It asks itself: whose name the certificate has does not matter.
ask(url, { timeout: 4000, rejectUnauthorized: false }, (answer) => {
  answer.resume()
  process.exitCode = answer.statusCode === 200 ? 0 : 1
})
  .on('timeout', function () {
    this.destroy(new Error('no answer within 4 seconds'))
  })
  .on('error', (error) => {
    process.stderr.write(`${url}: ${error.message}\n`)
    process.exitCode = 1
  })
