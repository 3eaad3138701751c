import { refusalPages } from '../packages/index/src/http/refusal-catalogue.ts'
import { refusalReason } from '../packages/index/src/http/refusal-reasons.ts'

const HEAD = `<!-- Generated from packages/index/src/http/refusal-catalogue.ts and refusal-reasons.ts by \`node scripts/write-error-docs.ts\`; do not edit. -->

# Refusals

Every refusal has one of these codes, which never changes. A client sees it in three places, because each client shows another one:

- the HTTP reason phrase: what pip, twine, Poetry and flit print (PDM 2.29 prints the status, and the body with \`-vv\`);
- the body: for uploads JSON whose \`code\` is the status line and whose \`reason\` is the code below; for reads a problem document (RFC 9457) with \`code\`, \`title\` and \`detail\`;
- \`why\` in the body, and a \`Link\` header of relation \`help\`, to the explanation of the name where there is one.

The text that stands there says what happened in this case; title and next step below are what holds in every case. The catalogue also
holds the codes of rules that this version does not apply yet, so that they never have to change.

| code | status |
|---|---|
`

/** The text of `docs/errors.md`: one section per code, in catalogue order, so that `#code` is its address. */
export function errorDocs(): string {
  const pages = refusalPages()
  const rows = pages.map(({ code, status }) => `| [\`${code}\`](#${code}) | ${status} |\n`)
  const sections = pages.map(({ code, status, title, help }) => {
    const reason = refusalReason(code)
    return `\n## ${code}\n\n**${status}. ${title}.**${reason === undefined ? '' : ` ${reason}`}\n\n${help}\n`
  })
  return HEAD + rows.join('') + sections.join('')
}
