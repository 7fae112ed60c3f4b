import { afterReading, type Cancel, type Clock } from '../../clock.ts';
import type { Address, Link, OpenLink } from '../../link/link.ts';
import { quote } from '../../quote.ts';
import { Dial } from './dial.ts';
import type { Locate, Target } from './locate.ts';

/**
 * How long the name of a Sentinel may be looked up, in ms. Long enough for a slow name server, as the next search would be no
 * faster; meanwhile the other Sentinels are asked.
 */
const LONGEST_LOOKUP = 30_000;

export interface SentinelQueryPlan {
  readonly sentinel: Target;
  readonly group: string;
  readonly openSentinel: OpenLink;
  readonly locate: (target: Target) => Locate;
  readonly clock: Clock;
  /** How long each address of the Sentinel may take to answer, in ms. */
  readonly patience: number;
}

/** Exactly one of these is called, unless the query is stopped before. */
export interface SentinelQueryListener {
  master(host: string, port: number): void;
  /** `isAnswer`: the Sentinel was reached, and said this. */
  failed(cause: Error, isAnswer: boolean): void;
}

/** One question to one Sentinel: where the master is. Its link is cut as soon as there is an answer. */
export class SentinelQuery {
  readonly #plan: SentinelQueryPlan;
  readonly #listener: SentinelQueryListener;
  readonly #name: string;
  #cancels: Cancel[] = [];
  #isOver = false;

  constructor(plan: SentinelQueryPlan, listener: SentinelQueryListener) {
    this.#plan = plan;
    this.#listener = listener;
    this.#name = nameOf(plan.sentinel);
  }

  start(): void {
    const { sentinel, locate } = this.#plan;
    this.#limit(LONGEST_LOOKUP, 'its name is still being looked up');
    this.#cancels.push(
      locate(sentinel)((error, addresses) => {
        if (error) this.#fail(error.message, error);
        else this.#dial(addresses);
      }),
    );
  }

  stop(): void {
    this.#isOver = true;
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  #dial(addresses: readonly Address[]): void {
    const { openSentinel: openLink, clock, patience } = this.#plan;
    for (const cancel of this.#cancels.splice(0)) cancel();
    const dial = new Dial(
      { clock, openLink, longestSyn: patience },
      {
        up: (link) => this.#ask(link),
        failed: (cause) => this.#refused(cause),
        down: (cause) => this.#refused(cause),
        message() {},
        moved() {},
      },
    );
    this.#cancels.push(() => dial.stop());
    this.#limit(patience * addresses.length, `no answer within ${patience * addresses.length} ms`);
    dial.start(addresses);
  }

  #limit(ms: number, reason: string): void {
    this.#cancels.push(afterReading(this.#plan.clock, ms, () => this.#fail(reason), 'background'));
  }

  #ask(link: Link): void {
    const { group } = this.#plan;
    link.send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group], (error, reply) => {
      if (this.#isOver) return;
      if (error) this.#refused(error);
      else if (reply === null) {
        this.#end((listener) =>
          listener.failed(
            new Error(`the Sentinel ${this.#name} does not know a master named ${quote(group)}`),
            true,
          ),
        );
      } else this.#read(reply);
    });
  }

  #read(reply: unknown): void {
    const [host, port]: unknown[] = Array.isArray(reply) ? reply : [];
    const number = Number(port);
    if (typeof host === 'string' && host !== '' && Number.isInteger(number) && number > 0 && number < 65_536)
      this.#end((listener) => listener.master(host, number));
    else this.#fail('it answered, but with no address', undefined, 'answer');
  }

  #refused(error: Error): void {
    const isNoSentinel = /^ERR unknown command/i.test(error.message);
    const isAnswer = /^[A-Z]{3,} /.test(error.message);
    if (isNoSentinel) this.#fail(`it is not a Sentinel (${error.message})`, error, 'answer');
    else this.#fail(error.message, error, isAnswer ? 'answer' : undefined);
  }

  #fail(reason: string, cause?: NodeJS.ErrnoException, answer?: 'answer'): void {
    const code = cause?.code;
    const error = new Error(`${this.#name}: ${reason}`);
    if (code !== undefined) Object.assign(error, { code });
    this.#end((listener) => listener.failed(error, answer !== undefined));
  }

  #end(tell: (listener: SentinelQueryListener) => void): void {
    if (this.#isOver) return;
    this.stop();
    tell(this.#listener);
  }
}

function nameOf(target: Target): string {
  if ('path' in target) return target.path;
  return target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}
