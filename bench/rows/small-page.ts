import type { Row } from '../figure.ts'
import { warm } from '../warm.ts'

/** What pip sends. */
export const PIP_ACCEPT =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01'

export const smallPage: Row = async (scene) => [
  ...(await warm(scene, {
    what: 'warm small page, JSON',
    path: '/simple/small-page/',
    file: 'small.json',
    headers: { accept: PIP_ACCEPT },
    max: 2.5,
  })),
  ...(await warm(scene, {
    what: 'warm small page, HTML',
    path: '/simple/small-page/',
    file: 'small.html',
    headers: { accept: 'text/html' },
    max: 2.5,
  })),
]
