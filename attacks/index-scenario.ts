import type { Capability } from './scenario.ts'
import type { Answered, Scene } from './scene.ts'

/** An attack on the index itself, in which nobody installs anything: whoever uploads or asks is answered. */
export interface IndexScenario {
  /** As in the catalogue; where one of its attacks is played in several ways, with a word behind it. */
  readonly id: string
  readonly title: string
  readonly capability: Capability
  /** What the attacker does with that, in a line. */
  readonly means: string
  /** Takes the steps; the last answer is what counts. Where `scene.isOpen`, the one defence is left out. */
  play(scene: Scene): Promise<Answered>
  /** The stable code that the last answer must have. */
  readonly refused: string
  /** What leaves the one defence out; absent: nobody can. */
  readonly opened?: string
}
