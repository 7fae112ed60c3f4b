import type { RestartGuard } from '../../../src/node/redis/quarantine.ts';
import type { WallClock } from './process.ts';
import type { Memory } from './server.ts';

/** What a client does, `gap` ms after it did the thing before. Resources, locks and nodes are counted round. */
export type Step = { readonly gap: number } & (
  | ({ readonly do: 'acquire' | 'using' | 'tryAcquire' } & Taking)
  | { readonly do: 'extend'; readonly which: number; readonly ttl: number | undefined }
  | { readonly do: 'release'; readonly which: number }
  | { readonly do: 'inspect' | 'revoke'; readonly resource: number }
  | ({ readonly do: 'contend' } & Contending)
);

/** Waits for the first resource, holds it, gives it back, and thinks; again and again. */
export interface Contending {
  /** For how long it begins again, in ms. */
  readonly for: number;
  readonly hold: number;
  readonly think: number;
  /** How many callers do so at once. */
  readonly callers: number;
  /** For how long each waits at most, in ms. */
  readonly patience: number;
}

export interface Taking {
  readonly resources: readonly number[];
  /** For how long it is held unless it is released or lost before, in ms. */
  readonly hold: number;
  /** In ms; not for `tryAcquire`. */
  readonly acquireTimeout: number;
  readonly autoExtend: boolean;
  readonly maxHoldTime: number | undefined;
  readonly ttl: number | undefined;
  /** Whether it gets a fencing token; by default it does. */
  readonly fencing?: boolean;
  /** For how long nobody else gets it after a loss, in ms. @default 0 */
  readonly lockDelay?: number;
  /** When the caller changes its mind, in ms after the call. */
  readonly abortAfter: number | undefined;
}

/** What goes wrong at an instant, or from then on for so many ms. */
export type Fault = NodeFault | ClientFault;

type At = { readonly at: number; readonly for: number };

export type NodeFault = At & { readonly node: number } & (
    | { readonly what: 'pause' | 'flush scripts' }
    /** So many nodes at once, this one and the next ones: what a power failure does. */
    | { readonly what: 'forget'; readonly many: number }
    | {
        readonly what: 'crash';
        readonly memory: Memory;
        /** Whether its machine is still there, and refuses connections. */
        readonly refuses: boolean;
      }
    | { readonly what: 'fail'; readonly error: string }
    | { readonly what: 'drop'; readonly which: number }
    | { readonly what: 'jump'; readonly by: number }
    /** `cut main`: only its commands and their answers. */
    | {
        readonly what: 'cut' | 'cut main';
        /** undefined: the node is cut off from all. */
        readonly client: number | undefined;
        readonly direction: 'up' | 'down' | 'both';
        /** Infinity: nothing passes. */
        readonly delay: number;
      }
    /**
     * To the connections of one client, with all that they say or with what is published: they break at once, are ended by the
     * server in good order, or are forgotten by a firewall, which tells nobody.
     */
    | {
        readonly what: 'break' | 'break feed' | 'end' | 'end feed' | 'lose track' | 'lose track of feed';
        readonly client: number;
      }
    /** Only for what is published there, as all that follow. */
    | {
        readonly what: 'cut feed';
        /** undefined: nobody hears anything. */
        readonly client: number | undefined;
        readonly direction: 'up' | 'down' | 'both';
        readonly delay: number;
      }
    /** Every other message is lost. */
    | { readonly what: 'lose messages'; readonly client: number | undefined }
    /** Each message comes a second time, so much later. */
    | { readonly what: 'repeat messages'; readonly client: number | undefined; readonly after: number }
    /** All who listen are told that it is their turn, or that they are the next. */
    | { readonly what: 'forge messages'; readonly told: 'turn' | 'next' }
    /** So many names come to be in front of all lines, for whose inboxes nobody listens, or somebody who does nothing. */
    | { readonly what: 'crowd lines'; readonly many: number; readonly how: 'heard' | 'unheard' }
    | { readonly what: 'empty lines' }
  );

export type ClientFault = At & { readonly client: number } & (
    | { readonly what: 'stop client'; readonly timersFirst: boolean }
    | { readonly what: 'stall client'; readonly reads: number }
    | { readonly what: 'kill client' }
    | { readonly what: 'set wall clock'; readonly by: number }
  );

/** All that one run of the world depends on. */
export interface Schedule {
  /** Of latencies, jitter, lateness, and coins. */
  readonly seed: number;
  readonly nodes: number;
  readonly driftFactor: number;
  /** How much faster than the slowest clock each of the others is, as a share of the drift factor: the clients', then the servers'. 0 if it is not there. */
  readonly rates: readonly number[];
  readonly ttl: number;
  readonly nodeTimeout: number;
  readonly connectTimeout: number;
  readonly latency: { readonly least: number; readonly span: number };
  readonly retry: { readonly minTimeout: number; readonly maxTimeout: number; readonly retries: number };
  /** Which nodes reorder requests, as a Redis Cluster can. */
  readonly detours: readonly number[];
  readonly clients: readonly (readonly Step[])[];
  readonly faults: readonly Fault[];
  /** Nodes whose faults do not end with their time; no more than a minority of them are heeded. */
  readonly incurable: readonly number[];
  /** Whether the locks have to come free while those nodes are still faulty, or what was left behind has to go as soon as they are healed. */
  readonly finish: 'probe' | 'heal';
  /** What is done about servers that may have forgotten locks. */
  readonly guard: RestartGuard;
  readonly wallClocks: WallClock;
  /** For how long each server has been running at the start, in ms; the last number is that of all others. */
  readonly ages: readonly number[];
  /** Whether servers want a password. */
  readonly authenticates: boolean;
}
