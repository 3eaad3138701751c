import { createHash } from 'node:crypto'
import type { Distribution } from './python-projects.ts'

const BOUNDARY = 'waxseal-test-boundary'

/** The bytes of one upload form as twine frames it. */
export function multipart(
  file: Distribution,
  fields: Readonly<Record<string, string>> = {},
): { readonly body: Buffer; readonly contentType: string } {
  const all = {
    ':action': 'file_upload',
    protocol_version: '1',
    metadata_version: '2.1',
    name: file.name,
    version: file.version,
    filetype: 'bdist_wheel',
    pyversion: 'py3',
    summary: `${file.name} for the tests`,
    sha256_digest: createHash('sha256').update(file.bytes).digest('hex'),
    ...fields,
  }
  const pieces: Buffer[] = []
  for (const [name, value] of Object.entries(all)) {
    pieces.push(Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`))
  }
  pieces.push(
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="${file.filename}"\r\n` +
        'Content-Type: application/octet-stream\r\n\r\n',
    ),
    file.bytes,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  )
  return { body: Buffer.concat(pieces), contentType: `multipart/form-data; boundary=${BOUNDARY}` }
}
