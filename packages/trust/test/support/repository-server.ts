import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RepositorySimulator } from './repository-simulator.ts'

/** Serves a simulated repository over HTTP, as a client sees one: `/metadata/…` and `/targets/…`. */
export class RepositoryServer implements AsyncDisposable {
  readonly #server
  #url = ''
  /** Every path that was asked for, in order, after `/metadata/` or `/targets/`. */
  readonly requests: string[] = []
  /** Answers instead of the repository, where it says that it does. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false

  private constructor(repository: RepositorySimulator) {
    this.#server = createServer((request, response) => {
      const [, kind = '', name = ''] = /^\/(metadata|targets)\/(.*)$/.exec(request.url ?? '') ?? []
      this.requests.push(name)
      if (this.answer(request, response)) return
      const bytes = (kind === 'targets' ? repository.targetFiles : repository.files).get(name)
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
    })
  }

  static async start(repository: RepositorySimulator): Promise<RepositoryServer> {
    const server = new RepositoryServer(repository)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    server.#url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`
    return server
  }

  get metadataUrl(): string {
    return `${this.#url}/metadata`
  }

  get targetsUrl(): string {
    return `${this.#url}/targets/`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
