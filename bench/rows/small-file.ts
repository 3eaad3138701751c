import type { Row } from '../figure.ts'
import { filePath } from '../scene.ts'
import { warm } from '../warm.ts'

export const smallFile: Row = async (scene) => [
  ...(await warm(scene, { what: 'file of 10 KB', path: filePath(scene.small), file: 'small.whl', max: 4 })),
  ...(await warm(scene, {
    what: '.metadata',
    path: `${filePath(scene.small)}.metadata`,
    file: 'small.whl.metadata',
    max: 4,
  })),
]
