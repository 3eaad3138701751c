import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackgroundWork } from './background-work.ts'

const patient = () => new BackgroundWork({ graceMs: 60_000, onLate: () => assert.fail('late') })

test('the end waits for what is under way, and for what that begins in its turn', async () => {
  const background = patient()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const done: string[] = []
  const begin = async () => {
    await second.promise
    done.push('second')
  }
  void background.add(
    first.promise.then(() => {
      done.push('first')
      void background.add(begin())
    }),
  )
  const ended = background[Symbol.asyncDispose]().then(() => done.push('ended'))
  first.resolve()
  setImmediate(second.resolve)
  await ended
  assert.deepEqual(done, ['first', 'second', 'ended'])
})

test('what failed is waited for like the rest, and its failure is left to who began it', async () => {
  const background = patient()
  const { promise, reject } = Promise.withResolvers<void>()
  const told = assert.rejects(background.add(promise), /no space/)
  const ended = background[Symbol.asyncDispose]()
  reject(new Error('no space'))
  await Promise.all([told, ended])
})

test('with nothing under way the end comes at once; what is over is not kept', async () => {
  const background = patient()
  await background.add(Promise.resolve())
  await background[Symbol.asyncDispose]()
})

test('what hangs is waited for no longer than the grace, and told', async () => {
  const late: number[] = []
  const background = new BackgroundWork({ graceMs: 10, onLate: (count) => late.push(count) })
  void background.add(new Promise(() => undefined))
  void background.add(Promise.resolve())
  await background[Symbol.asyncDispose]()
  assert.deepEqual(late, [1])
})
