import net from 'node:net';
import { aroundEach } from 'vitest';

interface Resource {
  what: string;
  /** Where it was made. */
  origin: Error;
}

/** Outgoing sockets that are not closed, and timers (unref'd ones too) that have neither run nor been cleared. */
const open = new Map<object, Resource>();

/** What is left of the sockets and timers that were made since the watch was. */
export class LeakWatch {
  readonly #before = new Set(open.keys());

  get left(): readonly Resource[] {
    return [...open].flatMap(([resource, record]) => (this.#before.has(resource) ? [] : [record]));
  }

  /** Closing takes some turns of the event loop; what is still left after `patience` ms is an error. */
  async settled(patience = 1000): Promise<void> {
    const deadline = performance.now() + patience;
    while (this.left.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (this.left.length > 0) throw new Error(`left behind:\n${this.left.map(describe).join('\n')}`);
  }
}

/**
 * Fails each test that leaves a socket or a timer behind, once all its hooks have run. To be called at the top of
 * a test file, or in a setup file. Not for concurrent tests, nor for a client that is shared by several tests and
 * connects again during one.
 */
export function enforceNoLeaks(): void {
  aroundEach(async (runTest) => {
    const watch = new LeakWatch();
    await runTest();
    await watch.settled();
  });
}

/** Enough to get from a timer in a client's depths to the test. */
const STACK_DEPTH = 40;

function describe({ what, origin }: Resource): string {
  const frames = (origin.stack ?? '').split('\n').slice(1);
  return `${what}, made\n${frames.filter((frame) => !/node:|@vitest/.test(frame)).join('\n')}`;
}

function record(resource: object, what: string, maker: (...args: never[]) => unknown): void {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_DEPTH;
  const origin = new Error();
  Error.captureStackTrace(origin, maker);
  Error.stackTraceLimit = stackTraceLimit;
  open.set(resource, { what, origin });
}

/*
 * Watched where they are made, because async_hooks would also see (and slow down) every promise, and
 * process.getActiveResourcesInfo() cannot say whose they are. vitest keeps the timer functions that it found at its
 * start, so its own timers do not show; nor do those of `node:timers`, which quorlock does not use.
 */
function watchSockets(): void {
  const connect: (...args: never[]) => net.Socket = Reflect.get(net.Socket.prototype, 'connect');
  function watched(this: net.Socket, ...args: never[]): net.Socket {
    record(this, 'socket', watched);
    this.once('close', () => open.delete(this));
    return Reflect.apply(connect, this, args);
  }
  net.Socket.prototype.connect = watched;
}

function forget(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null) open.delete(timer);
}

type Callback = (...args: unknown[]) => void;

function watchTimers(): void {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;

  const watchedTimeout = (callback: Callback, delay?: number, ...args: unknown[]): NodeJS.Timeout => {
    const run: Callback = (...given) => {
      open.delete(timer);
      callback(...given);
    };
    const timer = setTimeout(run, delay, ...args);
    record(timer, `timer of ${delay} ms`, watchedTimeout);
    return timer;
  };
  const watchedInterval = (callback: Callback, delay?: number, ...args: unknown[]): NodeJS.Timeout => {
    const timer = setInterval(callback, delay, ...args);
    record(timer, `interval of ${delay} ms`, watchedInterval);
    return timer;
  };

  // `promisify(setTimeout)` looks for a property of the original.
  globalThis.setTimeout = Object.defineProperties(
    watchedTimeout,
    Object.getOwnPropertyDescriptors(setTimeout),
  ) as typeof setTimeout;
  globalThis.setInterval = watchedInterval as typeof setInterval;
  globalThis.clearTimeout = (timer) => {
    forget(timer);
    clearTimeout(timer);
  };
  globalThis.clearInterval = (timer) => {
    forget(timer);
    clearInterval(timer);
  };
}

watchSockets();
watchTimers();
