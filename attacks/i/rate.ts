import { startWaxseal } from '../../test/support/server.ts'
import type { IndexScenario } from '../index-scenario.ts'
import { password } from '../scene.ts'

/** As many wrong passwords as the index looks at in five minutes. */
const GUESSES = 10

export const scenario: IndexScenario = {
  id: 'RATE',
  title: 'a password that is guessed',
  capability: 'NET',
  means: 'tries one password after the other',
  async play(scene) {
    // Whoever guesses is kept out by address: all other runs come from the same one.
    scene.move(await startWaxseal({ args: ['--no-upstream'] }))
    const alice = await scene.person('alice')
    const wrong = scene.isOpen ? GUESSES - 1 : GUESSES
    for (let guess = 0; guess < wrong; guess += 1)
      await scene.api(password(alice.name, `guess ${guess}`), 'GET', '/tokens')
    return await scene.api(alice, 'GET', '/tokens')
  },
  refused: 'too-many-failures',
  opened: 'the right guess is among the first ten',
}
