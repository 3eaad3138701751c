import type { Row } from '../figure.ts'
import { LARGE_PROJECT } from '../scene.ts'
import { warm } from '../warm.ts'
import { PIP_ACCEPT } from './small-page.ts'

export const largePage: Row = async (scene) => [
  ...(await warm(scene, {
    what: 'warm page of 3,000 files, JSON, gzip',
    path: `/simple/${LARGE_PROJECT}/`,
    file: 'large.json',
    headers: { accept: PIP_ACCEPT, 'accept-encoding': 'gzip' },
    max: 2,
  })),
  ...(await warm(scene, {
    what: 'warm page of 3,000 files, HTML, gzip',
    path: `/simple/${LARGE_PROJECT}/`,
    file: 'large.html',
    headers: { accept: 'text/html', 'accept-encoding': 'gzip' },
    max: 2,
  })),
]
