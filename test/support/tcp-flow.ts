import type { Socket } from 'node:net';

/** Requests go to the server, answers come from it. */
export type Direction = 'requests' | 'answers';

/** What the network does in one direction, for all connections of a proxy. */
export interface Weather {
  held: boolean;
  /** ms */
  delay: number;
}

/** Bytes, or how the stream ends. */
type Parcel = Buffer | 'end' | 'reset';

/** One direction of one connection: a queue whose order never changes, whatever the weather. */
export class TcpFlow {
  readonly #weather: Weather;
  readonly #target: Socket;
  #queue: { parcel: Parcel; due: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(weather: Weather, target: Socket) {
    this.#weather = weather;
    this.#target = target;
  }

  /** Whether bytes wait for the hold to end. */
  get holding(): boolean {
    return this.#weather.held && this.#queue.some(({ parcel }) => typeof parcel !== 'string');
  }

  push(parcel: Parcel): void {
    if (this.#closed) return;
    this.#queue.push({ parcel, due: performance.now() + this.#weather.delay });
    this.pump();
  }

  /** Delivers what may be delivered now; to be called again when a hold ends. */
  pump(): void {
    clearTimeout(this.#timer);
    for (let head = this.#queue[0]; head && !this.#weather.held; head = this.#queue[0]) {
      const wait = head.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), wait);
        return;
      }
      this.#queue.shift();
      this.#deliver(head.parcel);
    }
  }

  /** Discards what is under way, and all that comes. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    clearTimeout(this.#timer);
  }

  #deliver(parcel: Parcel): void {
    if (parcel === 'end') this.#target.end();
    else if (parcel === 'reset') this.#target.resetAndDestroy();
    else this.#target.write(parcel);
  }
}
