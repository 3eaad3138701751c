/** Another publisher was faster: what was made of the state before it is out of date, and is to be made anew. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken'
}
