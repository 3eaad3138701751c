import { withoutControlCharacters } from '@waxseal/packaging'

/** A log line for a terminal, from the JSON of the same line. Nothing in it can act on the terminal (attacks.md LOG). */
export function textLine(json: string): string {
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(json) as Record<string, unknown>
  } catch {
    return `${withoutControlCharacters(json)}\n`
  }
  const { time, level, msg, ...rest } = fields
  const clock = typeof time === 'string' ? time.slice(11, 23) : ''
  const text = msg === 'request' ? requestText(rest) : `${String(msg)}${fieldsText(rest)}`
  return `${withoutControlCharacters(`${clock} ${level === 'info' ? '' : `${String(level).toUpperCase()} `}${text}`)}\n`
}

function requestText({ id: _id, route: _route, client, err, ...fields }: Record<string, unknown>): string {
  const { method, path, status, code, cache, bytes, ms, user, cut } = fields
  const words = [status, method, path, `${String(ms)}ms`, `${String(bytes)}B`]
  if (cache !== 'none') words.push(cache)
  if (code !== undefined) words.push(code)
  if (cut === true) words.push('cut')
  words.push(client)
  if (user !== undefined) words.push(user)
  return words.map(String).join(' ') + fieldsText(err === undefined ? {} : { err })
}

function fieldsText(fields: Record<string, unknown>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('')
}
