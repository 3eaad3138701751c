import type { Distribution } from './python-projects.ts'

/** The form of one upload as twine sends it. */
export const uploadForm = (file: Distribution): FormData => {
  const form = new FormData()
  const sdist = file.filename.endsWith('.tar.gz')
  const fields = {
    ':action': 'file_upload',
    protocol_version: '1',
    metadata_version: sdist ? '2.2' : '2.1',
    name: file.name,
    version: file.version,
    filetype: sdist ? 'sdist' : 'bdist_wheel',
    pyversion: sdist ? 'source' : 'py3',
    sha256_digest: file.sha256,
  }
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  for (const [, header = '', value = ''] of file.metadata.matchAll(
    /^(Summary|Requires-Python|Requires-Dist): (.*)$/gm,
  )) {
    form.append(header.toLowerCase().replace('-', '_'), value)
  }
  form.set('content', new Blob([Uint8Array.from(file.bytes)]), file.filename)
  return form
}

/** Uploads one file over plain HTTP; the answer's status, and its reason phrase where it was refused. */
export const uploadFile = async (
  target: { readonly url: string; readonly token: string },
  file: Distribution,
): Promise<{ readonly status: number; readonly reason: string }> => {
  const answer = await fetch(`${target.url}/legacy/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${target.token}` },
    body: uploadForm(file),
  })
  await answer.arrayBuffer()
  return { status: answer.status, reason: answer.statusText }
}
