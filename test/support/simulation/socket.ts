import type { ConnectionListener } from '../../../src/node/redis/redis-connection.ts';
import type { Link } from './link.ts';
import type { Process } from './process.ts';
import type { Server } from './server.ts';
import type { Timeline } from './timeline.ts';

export interface SocketPlan {
  readonly timeline: Timeline;
  readonly process: Process;
  readonly server: Server;
  readonly link: Link;
  readonly fraction: () => number;
  readonly connectTimeout: number;
  /** Whether requests may overtake each other, as those do that a Redis Cluster redirects. */
  readonly detours: boolean;
}

/** How long a client waits before it connects again, in ms, and until a SYN is answered. */
const RECONNECT = 250;
const LONGEST_SYN = 700;
/** Between the end of a socket and the event that tells of it, in ms. */
const CLOSING = 0.01;
const DETOUR = { share: 0.25, span: 30 } as const;

/** One TCP connection; of several to the same server, only the last is alive. */
export interface Wire {
  /** Whether the client has given it up. */
  gone: boolean;
  /** Whether the client has ended it in good order: what it has sent still arrives. */
  ended: boolean;
  /** Which run of the server it leads to. */
  readonly run: number;
  lastUp: number;
  lastDown: number;
  readonly unanswered: Set<Request>;
}

interface Request {
  readonly fail: (error: Error) => void;
}

/**
 * What connects a client with a server, made again by itself: first in, first out in both directions, and when it
 * breaks, what was on its way up may still arrive; what was on its way down is lost.
 */
export class Socket {
  readonly #plan: SocketPlan;
  #listener: ConnectionListener | undefined;
  #wire: Wire | undefined;
  /** Grows with each try to connect, so that a late answer to an earlier one is known as stale. */
  #tries = 0;
  #closed = false;

  constructor(plan: SocketPlan) {
    this.#plan = plan;
  }

  /** The connection that there is now. */
  get wire(): Wire | undefined {
    return this.#wire;
  }

  open(listener: ConnectionListener): void {
    this.#listener = listener;
    this.#connect(this.#plan.connectTimeout);
  }

  reset(cause: Error): void {
    if (this.#closed) return;
    this.#tries++;
    const wire = this.#wire;
    if (wire) wire.gone = true;
    this.soon(() => this.#lost(wire, cause));
  }

  close(): void {
    this.#closed = true;
    this.#tries++;
    const wire = this.#wire;
    if (!wire) return;
    this.#wire = undefined;
    wire.ended = true;
    this.soon(() => this.#failAll(wire, new Error('the connection is closed')));
  }

  /** Whatever lies between client and server ends the connection; the client hears of it at once. */
  break(): void {
    if (this.#wire) this.#broken(this.#wire);
  }

  /** The server is gone, and its machine says so. */
  serverCrashed(): void {
    if (this.#wire) this.#refuse(this.#wire);
  }

  /** Has the server do something, once that has got there; one of `answer` and `fail` is called when the client knows. */
  request<Reply>(
    run: (wire: Wire) => Reply,
    answer: (reply: Reply) => void,
    fail: (error: Error) => void,
  ): void {
    const { timeline, process, server, link, fraction, detours } = this.#plan;
    const wire = this.#wire;
    if (!wire || wire.gone) {
      // The socket is closing: the command fails with it.
      if (wire) wire.unanswered.add({ fail });
      else this.soon(() => fail(new Error('there is no connection')));
      return;
    }
    const request = { fail };
    wire.unanswered.add(request);
    const isHeld = link.isCut('up', process.time);
    const arrival = link.arrival('up', process.time);
    if (!detours) wire.lastUp = Math.max(arrival, wire.lastUp);
    const detour = detours && fraction() < DETOUR.share ? DETOUR.span * fraction() : 0;
    timeline.at(detours ? arrival + detour : wire.lastUp, () => {
      if (wire.gone && (isHeld || fraction() < 0.5)) return;
      if (!this.leadsToServer(wire)) {
        if (server.state !== 'down' || server.refuses) this.#refuse(wire);
        return;
      }
      server.receive(() => {
        // A reset makes a kernel drop what nobody has read; not every one, and not always in time.
        if (wire.gone && fraction() < 0.5) return;
        const reply = run(wire);
        if (wire.gone) return;
        const back = link.arrival('down', timeline.now);
        wire.lastDown = detours ? back : Math.max(back, wire.lastDown);
        timeline.at(
          wire.lastDown,
          () => {
            if (!wire.gone && wire.unanswered.delete(request)) answer(reply);
          },
          process,
        );
      });
    });
  }

  /** The server tells the client something by itself. */
  push(wire: Wire, deliver: () => void): void {
    const { timeline, link, process } = this.#plan;
    if (wire.gone || wire.ended) return;
    wire.lastDown = Math.max(link.arrival('down', timeline.now), wire.lastDown);
    timeline.at(
      wire.lastDown,
      () => {
        if (!wire.gone && !wire.ended) deliver();
      },
      process,
    );
  }

  /** Whether the server that a connection was made to is still running. */
  leadsToServer(wire: Wire): boolean {
    const { server } = this.#plan;
    return server.state !== 'down' && server.starts === wire.run;
  }

  /** As input of the process, but not within what runs now. */
  soon(run: () => void): void {
    const { process } = this.#plan;
    process.at(process.time + CLOSING, run);
  }

  /** The server's machine answers a packet of a connection that it does not know. */
  #refuse(wire: Wire): void {
    const { timeline, link, process } = this.#plan;
    const arrival = Math.max(link.arrival('down', timeline.now), wire.lastDown);
    timeline.at(arrival, () => this.#broken(wire), process);
  }

  #broken(wire: Wire): void {
    if (wire.gone || wire.ended) return;
    wire.gone = true;
    this.#lost(wire, new Error('read ECONNRESET'));
  }

  #lost(wire: Wire | undefined, cause: Error): void {
    if (this.#closed) return;
    if (wire) {
      if (this.#wire !== wire) return;
      this.#wire = undefined;
    }
    const before = this.#plan.fraction() < 0.5;
    if (wire && before) this.#failAll(wire, cause);
    this.#listener?.down(cause);
    if (wire && !before) this.#failAll(wire, cause);
    this.#connectLater();
  }

  #failAll(wire: Wire, cause: Error): void {
    for (const request of wire.unanswered) {
      wire.unanswered.delete(request);
      request.fail(cause);
    }
  }

  #connectLater(): void {
    const { process, fraction } = this.#plan;
    const currentTry = ++this.#tries;
    process.at(process.time + 1 + RECONNECT * fraction(), () => {
      if (!this.#closed && currentTry === this.#tries) this.#connect(LONGEST_SYN);
    });
  }

  #connect(patience: number): void {
    const { timeline, process, server, link } = this.#plan;
    const currentTry = ++this.#tries;
    const answered = (made: () => void): void => {
      if (this.#closed || currentTry !== this.#tries) return;
      this.#tries++;
      made();
    };
    const failed = (cause: Error): void => {
      this.#listener?.down(cause);
      this.#connectLater();
    };
    process.at(process.time + patience, () =>
      answered(() => failed(new Error(`no connection within ${patience} ms`))),
    );
    // A SYN that is lost is sent again only with a new connection.
    if (link.isCut('up', process.time)) return;
    timeline.at(link.arrival('up', process.time), () => {
      const isDown = server.state === 'down';
      if ((isDown && !server.refuses) || link.isCut('down', timeline.now)) return;
      const { now } = timeline;
      const arrival = link.arrival('down', now);
      const wire: Wire = {
        gone: false,
        ended: false,
        run: server.starts,
        lastUp: now,
        lastDown: arrival,
        unanswered: new Set(),
      };
      timeline.at(
        arrival,
        () =>
          answered(() => {
            if (isDown) {
              failed(new Error('connect ECONNREFUSED'));
            } else {
              this.#wire = wire;
              this.#listener?.up();
            }
          }),
        process,
      );
    });
  }
}
