import { Tokenizer, TokenizerMode } from 'parse5'
import type { Token, TokenHandler } from 'parse5'
import { PackagingError } from './error.ts'
import { MAX_HTML_TOKEN_LENGTH, MAX_TAG_ATTRIBUTES } from './limits.ts'
import { invalid } from './simple-page-builder.ts'

/** So little at a time that the attributes of one tag are counted before comparing them costs much. */
const CHUNK_LENGTH = 16 * 1024
const RAW_TEXT_TAGS: ReadonlySet<string> = new Set(['style', 'xmp', 'iframe', 'noembed', 'noframes'])

class CountingTokenizer extends Tokenizer {
  /** Attributes of the tag that the last chunk ended in. */
  get pendingAttributes(): number {
    const token = this.currentToken
    return token !== null && 'attrs' in token ? token.attrs.length : 0
  }
}

/**
 * The start tags of an HTML page of a Simple API, which may come in pieces. Only tags are looked at, no tree is built: the
 * standard's tree construction can be made quadratic.
 */
export class HtmlTags {
  readonly #tokenizer: CountingTokenizer

  constructor(onTag: (tag: Token.TagToken) => void) {
    const ignore = (): void => {}
    const handler: TokenHandler = {
      onComment: ignore,
      onDoctype: ignore,
      onEndTag: ignore,
      onEof: ignore,
      onCharacter: ignore,
      onNullCharacter: ignore,
      onWhitespaceCharacter: ignore,
      onStartTag: (token) => {
        if (token.attrs.length > MAX_TAG_ATTRIBUTES) throw invalid('a tag has too many attributes')
        // What stands in these is text; without the tree construction the tokenizer has to be told.
        if (RAW_TEXT_TAGS.has(token.tagName)) tokenizer.state = TokenizerMode.RAWTEXT
        else if (token.tagName === 'script') tokenizer.state = TokenizerMode.SCRIPT_DATA
        else if (token.tagName === 'title' || token.tagName === 'textarea') tokenizer.state = TokenizerMode.RCDATA
        else if (token.tagName === 'plaintext') tokenizer.state = TokenizerMode.PLAINTEXT
        else onTag(token)
      },
    }
    const tokenizer = new CountingTokenizer({}, handler)
    this.#tokenizer = tokenizer
  }

  /** Takes the next piece; `last`: nothing follows. @throws PackagingError `simple-page-invalid`, or `limit-exceeded` */
  write(html: string, last: boolean): void {
    const tokenizer = this.#tokenizer
    for (let at = 0; at < html.length; at += CHUNK_LENGTH) {
      tokenizer.write(html.slice(at, at + CHUNK_LENGTH), last && at + CHUNK_LENGTH >= html.length)
      // What it has not dropped is the token it is in, and the 64 Ki characters it may keep before.
      if (tokenizer.preprocessor.html.length > MAX_HTML_TOKEN_LENGTH) throw tooLong()
      if (tokenizer.pendingAttributes > MAX_TAG_ATTRIBUTES) throw invalid('a tag has too many attributes')
    }
  }
}

function tooLong(): PackagingError {
  const reason = `a tag, comment or text has more than ${MAX_HTML_TOKEN_LENGTH} characters`
  return new PackagingError('limit-exceeded', `The Simple API page is refused: ${reason}.`)
}
