import type { Distribution } from '../support/python-projects.ts'
import type { SimulatedFile } from '../support/upstream-pages.ts'
import type { Answer } from './index-under-test.ts'

/** A built file as an upstream lists it that has had it for two years. */
export function simulated(file: Distribution): SimulatedFile {
  return { filename: file.filename, bytes: file.bytes, uploadTime: '2024-03-01T12:00:00.000000Z' }
}

/** The code of a refusal; undefined where the answer is none. */
export function code(answer: Answer): string | undefined {
  const isProblem = answer.headers['content-type'] === 'application/problem+json'
  return isProblem ? (answer.json() as { code: string }).code : undefined
}
