import type { Command, Encoded, Link, LinkListener, ReplyHandler } from '../../../src/link/link.ts';
import type { Message } from '../checker/history.ts';
import type { Process } from './process.ts';
import type { Recorder } from './recorder.ts';
import type { Audience, Server, Told } from './server.ts';
import type { Timeline } from './timeline.ts';
import type { Way } from './way.ts';

/** What happens to a message that was published, other than that it is late or lost with its link. */
export interface Mishap {
  readonly isLost?: boolean;
  /** It comes a second time, so many ms after the first: whatever has been published meanwhile. */
  readonly againAfter?: number;
}

export interface LinkPlan {
  readonly timeline: Timeline;
  readonly process: Process;
  readonly server: Server;
  readonly way: Way;
  readonly fraction: () => number;
  /** Whether requests may overtake each other, as those do that a Redis Cluster redirects. */
  readonly detours: boolean;
  /** Whether the server wants a password: one more round trip before the link is up. */
  readonly authenticates: boolean;
  readonly recorder: Recorder;
  /** Asked for each message. */
  readonly mishap: () => Mishap;
}

const DETOUR = { share: 0.25, span: 30 } as const;

const RESET = new Error('read ECONNRESET');
const REFUSED = new Error('connect ECONNREFUSED');
const ENDED = new Error('the server has closed the connection');

interface Request {
  readonly fail: (error: Error) => void;
}

/**
 * One TCP connection between a client and a server, from SYN to its end: first in, first out in both directions. When it
 * breaks, what is on its way up may still arrive; what is on its way down is lost.
 */
export class SimulatedLink implements Link, Audience {
  readonly #plan: LinkPlan;
  readonly #listener: LinkListener;
  readonly #unanswered = new Set<Request>();
  /** What the server knows of. */
  readonly #subscriptions = new Set<string>();
  #isConnected = false;
  /** The client has given it up, or knows of its end. */
  #isGone = false;
  #isCut = false;
  /** The server has closed it, and reads nothing more. */
  #isEnded = false;
  /** Something in between drops what goes either way, and tells nobody. */
  #isForgotten = false;
  #onUsed: (() => void) | undefined;
  #onGone: (() => void) | undefined;
  /** Which run of the server it leads to. */
  #run = 0;
  #lastUp = 0;
  #lastDown = 0;

  constructor(plan: LinkPlan, listener: LinkListener) {
    this.#plan = plan;
    this.#listener = listener;
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#isGone;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    // The name of the connection, which nothing depends on.
    if (command[0] === 'CLIENT') return;
    const job = this.#plan.recorder.command([...command, ...(rest?.parts ?? [])]);
    this.#request(
      () => job.run(this.#isGone),
      (result) => {
        job.answered(result);
        if (result instanceof Error) reply(result, undefined);
        else reply(null, result);
      },
      (error) => reply(error, undefined),
    );
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    const { server, recorder } = this.#plan;
    recorder.extra('subscription');
    this.#request(
      () => {
        if (server.failing?.startsWith('LOADING')) return new Error(server.failing);
        this.#subscriptions.add(channel);
        server.audience.add(this);
        return null;
      },
      (error) => {
        if (!error) recorder.subscribed();
        done(error);
      },
      done,
    );
  }

  unsubscribe(channel: string): void {
    this.#request(
      () => this.#subscriptions.delete(channel),
      () => {},
      () => {},
    );
  }

  /** A reset; the server may execute what was on its way. */
  cut(): void {
    this.#isCut = true;
    this.#leave();
    this.#unanswered.clear();
  }

  /** Whatever lies between client and server ends the link; the client hears of it at once, as input. */
  break(): void {
    if (this.#isConnected) this.#down(RESET);
  }

  /** The server ends the link in good order: what it has said before still arrives, and it reads nothing more. */
  end(): void {
    const { server } = this.#plan;
    if (!this.isConnected || this.#isEnded || server.state !== 'up' || !this.#leadsToServer) return;
    this.#isEnded = true;
    this.#subscriptions.clear();
    this.#deliver(() => this.#down(ENDED), 'in order');
  }

  /**
   * A firewall forgets the link. From now on nothing arrives in either direction, and neither side notices. `onUsed` is called when the client next
   * sends something, and so waits for an answer. `onGone` is called when the client gives the link up.
   */
  forget(onUsed?: () => void, onGone?: () => void): void {
    if (!this.#isConnected) return;
    this.#isForgotten = true;
    this.#onUsed = onUsed;
    this.#onGone = onGone;
  }

  /** The server has crashed, and its machine says so. */
  serverCrashed(): void {
    if (this.isConnected) this.#refuse();
  }

  get inboxes(): Iterable<string> {
    return this.#subscriptions;
  }

  published(inbox: string, what: Told, key: string): boolean {
    if (!this.#subscriptions.has(inbox) || !this.#leadsToServer) return false;
    const { process, timeline, mishap, recorder } = this.#plan;
    const { isLost = false, againAfter } = mishap();
    const message: Message = recorder.published(key, what);
    if (isLost) return true;
    const arrive = (): void => {
      message.arrivedAt.push(process.time);
      this.#listener.message(inbox, `${what} ${key}`);
    };
    this.#deliver(() => {
      arrive();
      if (againAfter === undefined) return;
      timeline.at(
        process.time + againAfter,
        () => {
          if (!this.#isGone) arrive();
        },
        process,
      );
    }, 'in order');
    return true;
  }

  #connect(): void {
    const { timeline, process, server, way } = this.#plan;
    // A SYN that is lost would be sent again only when the client has given up.
    if (way.isCut('up', process.time)) return;
    timeline.at(way.arrival('up', process.time), () => {
      const isDown = server.state === 'down';
      if ((isDown && !server.refuses) || way.isCut('down', timeline.now)) return;
      this.#run = server.starts;
      this.#lastUp = timeline.now;
      this.#deliver(() => (isDown ? this.#down(REFUSED) : this.#connected()), 'in order');
    });
  }

  #connected(): void {
    this.#isConnected = true;
    this.#listener.connected();
    if (this.#isCut) return;
    if (this.#plan.authenticates)
      this.#request(
        () => 'OK',
        () => this.#up(),
        () => {},
      );
    else this.#up();
  }

  #up(): void {
    this.#plan.recorder.up();
    this.#listener.up();
  }

  /** Has the server do something, once that has got there; one of `answer` and `fail` is called when the client knows. */
  #request<Reply>(run: () => Reply, answer: (reply: Reply) => void, fail: (error: Error) => void): void {
    const { timeline, process, server, way, fraction, detours } = this.#plan;
    const request = { fail };
    if (this.#isGone) {
      process.at(process.time, () => fail(RESET));
      return;
    }
    this.#onUsed?.();
    this.#onUsed = undefined;
    this.#unanswered.add(request);
    const isHeld = way.isCut('up', process.time);
    const arrival = way.arrival('up', process.time);
    const detour = detours && fraction() < DETOUR.share ? DETOUR.span * fraction() : 0;
    if (!detours) this.#lastUp = Math.max(arrival, this.#lastUp);
    timeline.at(detours ? arrival + detour : this.#lastUp, () => {
      if (this.#isForgotten || (this.#isGone && (isHeld || fraction() < 0.5))) return;
      if (this.#isEnded || !this.#leadsToServer) {
        if (server.state !== 'down' || server.refuses) this.#refuse();
        return;
      }
      server.receive(() => {
        // A reset makes a kernel drop what nobody has read; not every one, and not always in time.
        if (this.#isGone && fraction() < 0.5) return;
        const reply = run();
        this.#deliver(
          () => {
            if (this.#unanswered.delete(request)) answer(reply);
          },
          detours ? 'in any order' : 'in order',
        );
      });
    });
  }

  /** Lets something arrive at the client. */
  #deliver(arrive: () => void, order: 'in order' | 'in any order'): void {
    const { timeline, way, process } = this.#plan;
    if (this.#isGone || this.#isForgotten) return;
    const arrival = way.arrival('down', timeline.now);
    const at = order === 'in order' ? Math.max(arrival, this.#lastDown) : arrival;
    this.#lastDown = Math.max(at, this.#lastDown);
    timeline.at(
      at,
      () => {
        if (!this.#isGone && !this.#isForgotten) arrive();
      },
      process,
    );
  }

  /** Whether the server that it was made to is still running. */
  get #leadsToServer(): boolean {
    const { server } = this.#plan;
    return server.state !== 'down' && server.starts === this.#run;
  }

  /** The server's machine answers a packet of a link that it does not know. */
  #refuse(): void {
    this.#deliver(() => this.#down(RESET), 'in order');
  }

  #down(cause: Error): void {
    if (this.#isGone) return;
    this.#leave();
    const before = this.#plan.fraction() < 0.5;
    if (before) this.#failAll(cause);
    if (!this.#isCut) this.#listener.down(cause);
    if (!before) this.#failAll(cause);
  }

  #leave(): void {
    this.#isGone = true;
    this.#onGone?.();
    this.#onGone = undefined;
    const { timeline, process, way, recorder } = this.#plan;
    recorder.gone(this);
    // Until the server hears of it, it takes what it publishes for heard.
    if (!this.#isForgotten)
      timeline.at(way.arrival('up', process.time), () => this.#plan.server.audience.delete(this));
  }

  #failAll(cause: Error): void {
    for (const request of this.#unanswered) {
      this.#unanswered.delete(request);
      request.fail(cause);
    }
  }
}
