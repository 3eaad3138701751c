import { basename } from 'node:path'
import { elsewhereNotes, insecureNotes, ONLY_INDEX } from './credential-notes.ts'
import type { SetupPlan, SetupRequest } from './setup-plan.ts'

const CA_PLACE = '/etc/ssl/waxseal-ca.pem'

/** Lines for a Dockerfile. Credentials come in as a secret mount: they are in no layer and in no build argument. */
export function planDocker(request: SetupRequest): SetupPlan {
  const { index, ca, username } = request
  const secret =
    username === undefined ? '' : ' --mount=type=secret,id=netrc,target=/root/.netrc,mode=0400,required=true'
  const authorities =
    ca === undefined
      ? ''
      : `COPY ${basename(ca)} ${CA_PLACE}\nENV PIP_CERT=${CA_PLACE} SSL_CERT_FILE=${CA_PLACE} REQUESTS_CA_BUNDLE=${CA_PLACE}\n`
  const text = `# syntax=docker/dockerfile:1
ENV PIP_INDEX_URL=${index.simple} UV_DEFAULT_INDEX=${index.simple}
${authorities}COPY requirements.txt .
RUN${secret} pip install --requirement requirements.txt
`
  const build = `docker build --secret id=netrc,src="$HOME/.netrc" .\n`
  return {
    files: [],
    snippets: [
      { title: 'Dockerfile, behind FROM (the first line stays the first)', text },
      ...(username === undefined ? [] : [{ title: 'Build it', text: build }]),
    ],
    conflicts: [],
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...elsewhereNotes(request),
      ...(username === undefined
        ? []
        : [
            `Credentials: "machine ${index.hostname} login ${username} password TOKEN" in a file that only the build sees. Never in ENV or ARG: both stay in the image.`,
          ]),
    ],
  }
}
