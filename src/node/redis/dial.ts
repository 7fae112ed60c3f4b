import { afterReading, type Cancel, type Clock } from '../../clock.ts';
import type { Address, Link, LinkListener, OpenLink } from '../../link/link.ts';

export interface DialPlan {
  readonly clock: Clock;
  readonly openLink: OpenLink;
  /** How long a peer may take to answer the SYN, in ms. */
  readonly longestSyn: number;
}

export interface DialListener {
  up(link: Link): void;
  /** No address leads to a link that is up. */
  failed(cause: Error): void;
  /** The link that was up has ended. */
  down(cause: Error): void;
  message(channel: string, text: string): void;
  moved(): void;
}

/**
 * Connects to one address after the other, until one of them leads to a link that is up. A name such as localhost may stand for
 * several addresses, of which only some have a server.
 */
export class Dial {
  readonly #plan: DialPlan;
  readonly #listener: DialListener;
  #link: Link | undefined;
  #isConnected = false;
  #cancelSyn: Cancel | undefined;
  /** Why the best address so far did not do: one that answered tells more than one that did not. */
  #best: { readonly cause: Error; readonly isConnected: boolean } | undefined;

  constructor(plan: DialPlan, listener: DialListener) {
    this.#plan = plan;
    this.#listener = listener;
  }

  /** Whether the present address has answered the SYN. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  start([address, ...others]: readonly Address[]): void {
    if (!address) {
      this.#listener.failed(this.#best?.cause ?? new Error('no address is known'));
      return;
    }
    const { clock, openLink, longestSyn } = this.#plan;
    this.#isConnected = false;
    let isUp = false;
    const listener: LinkListener = {
      connected: () => {
        this.#isConnected = true;
        this.#cancelSyn?.();
      },
      up: () => {
        this.#cancelSyn?.();
        isUp = true;
        if (this.#link) this.#listener.up(this.#link);
      },
      down: (cause) => {
        if (isUp) this.#listener.down(cause);
        else this.#next(cause, others);
      },
      message: (channel, text) => this.#listener.message(channel, text),
      moved: () => this.#listener.moved(),
    };
    try {
      this.#link = openLink(address, listener);
    } catch (error) {
      // Such as a port that no server can have, which another server has told.
      this.#next(error as Error, others);
      return;
    }
    this.#cancelSyn = afterReading(clock, longestSyn, () =>
      this.#next(new Error(`no connection within ${longestSyn} ms`), others),
    );
  }

  /** Ends the link, also one that is up: see {@link Link.cut}. The listener is not called any more. */
  stop(how?: 'in order'): void {
    this.#cancelSyn?.();
    this.#link?.cut(how);
    this.#link = undefined;
  }

  #next(cause: Error, others: readonly Address[]): void {
    this.stop();
    const isConnected = this.#isConnected;
    if (!this.#best || isConnected || !this.#best.isConnected) this.#best = { cause, isConnected };
    this.start(others);
  }
}
