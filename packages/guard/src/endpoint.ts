/** A running guard, as the programs that it serves see it. */
export interface GuardEndpoint {
  /** `http://127.0.0.1:PORT/SECRET`, without a slash at the end: `/simple/NAME/` and `/files/NAME/SHA256/FILENAME` stand below. */
  readonly url: string
  /** The proxy that refuses everything but this guard: `http://127.0.0.1:PORT`. */
  readonly proxyUrl: string
  /** Base URL of the index that it verifies, without a slash at the end: `https://packages.example`. */
  readonly origin: string
}
