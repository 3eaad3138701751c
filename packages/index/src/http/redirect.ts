import type { Exchange } from './exchange.ts'

/** 302, since pip keeps 301 and 308 for ever (behaviour.md 0.10); `location` is relative, so that it holds under any prefix. */
export function redirect({ res, path }: Exchange, location: string): void {
  const target = path.query === '' ? location : `${location}?${path.query}`
  res.writeHead(302, { Location: target, 'Cache-Control': 'no-cache', 'Content-Length': 0 })
  res.end()
}
