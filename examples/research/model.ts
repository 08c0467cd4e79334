/** In place of a language model: it is overloaded when it is asked for the first time, or always. */
export class Model {
  asked = 0;
  readonly #isDown: boolean;

  constructor({ isDown = false }: { readonly isDown?: boolean } = {}) {
    this.#isDown = isDown;
  }

  async summarise(
    topic: string,
    sources: readonly { readonly name: string; readonly text: string }[],
  ): Promise<string> {
    this.asked += 1;
    if (this.#isDown || this.asked === 1) throw new Error(`the model is overloaded, and says nothing about ${topic}`);
    return await Promise.resolve(sources.map(({ name, text }) => `- ${name}: ${text}`).join('\n'));
  }
}
