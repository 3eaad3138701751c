import { PackagingError } from './error.ts'
import { MAX_JSON_COMMAS, MAX_JSON_CONTAINERS, MAX_JSON_DEPTH, MAX_JSON_MEMBERS } from './limits.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Refuses a page's JSON that costs far more to parse than its bytes suggest: deeply nested, of millions of objects, or with an
 * object of millions of members (attacks.md REDOS). One pass over the bytes; what is not JSON is left for the parser to refuse,
 * which sees no more of it than is counted here.
 * @throws PackagingError `limit-exceeded`
 */
export function checkJsonShape(bytes: Uint8Array): void {
  // Commas inside the object at each depth; a list has no limit of its own.
  const members = new Uint32Array(MAX_JSON_DEPTH + 1)
  const isObject = new Uint8Array(MAX_JSON_DEPTH + 1)
  let depth = 0
  let containers = 0
  let commas = 0
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at + 1)
        break
      case COMMA:
        commas += 1
        if (commas > MAX_JSON_COMMAS) throw exceeded(`more than ${MAX_JSON_COMMAS} values`)
        members[depth] = (members[depth] ?? 0) + 1
        if (isObject[depth] === 1 && (members[depth] ?? 0) >= MAX_JSON_MEMBERS) {
          throw exceeded(`an object of more than ${MAX_JSON_MEMBERS} members`)
        }
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        containers += 1
        if (containers > MAX_JSON_CONTAINERS) throw exceeded(`more than ${MAX_JSON_CONTAINERS} objects and lists`)
        depth += 1
        if (depth > MAX_JSON_DEPTH) throw exceeded(`objects or lists nested deeper than ${MAX_JSON_DEPTH}`)
        members[depth] = 0
        isObject[depth] = bytes[at] === OPEN_OBJECT ? 1 : 0
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        // More are closed than were opened: no parser goes on from here.
        if (depth === 0) return
        depth -= 1
        break
      default:
    }
  }
}

/** Where the string ends that began before `from`: at its closing quote, or at the end of the bytes. */
function endOfString(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

function exceeded(what: string): PackagingError {
  return new PackagingError('limit-exceeded', `The Simple API page is refused: it has ${what}.`)
}
