import type { Asker } from './asker.ts';
import { HEARD, KEYS, WAITERS } from './differential-history.ts';

/** A key that nothing else is done to. */
const LAST = 'z';

/** Those who hear for some of the waiters, on one side. */
export class Audience {
  readonly #ask: Asker;
  readonly #live: Promise<unknown>;
  #heard: string[] = [];
  #isLastHeard: () => void = () => {};

  /** Opens their inboxes. */
  constructor(ask: Asker) {
    this.#ask = ask;
    const inboxes = HEARD.flatMap((waiter) => [...KEYS, LAST].map((key) => [waiter, key] as const));
    this.#live = Promise.all(inboxes.map(([waiter, key]) => this.#open(waiter, key)));
  }

  /** Resolves once they hear. */
  async hears(): Promise<void> {
    await this.#live;
    this.#heard = [];
  }

  /** Who was told what of which key, in order, since they hear. */
  async heard(): Promise<readonly string[]> {
    const [first] = HEARD as [string];
    const last = new Promise<void>((resolve) => {
      this.#isLastHeard = resolve;
    });
    await this.#ask.grant(LAST, 'first');
    await this.#ask.stand(LAST, 'second', first);
    await this.#ask.release(LAST, 'first');
    await last;
    await this.#ask.stand(LAST, 'second', first);
    await this.#ask.release(LAST, 'second', { afterwards: 'hand over' });
    return this.#heard;
  }

  #open(waiter: string, key: string): Promise<void> {
    const note = (what: string) => () => {
      if (key === LAST) this.#isLastHeard();
      else this.#heard.push(`${WAITERS.indexOf(waiter)} ${what} ${key}`);
    };
    return new Promise((resolve) => {
      const listener = { live: resolve, deaf: () => {}, turn: note('turn'), next: note('next') };
      this.#ask.node.openInbox(waiter, key, listener);
    });
  }
}
