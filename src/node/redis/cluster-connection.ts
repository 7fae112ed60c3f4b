import type { Cancel } from '../../clock.ts';
import type { Locate, Target } from './locate.ts';
import type { ConnectionListener, Master, RedisConnection, RedisSubscriber } from './redis-connection.ts';
import { ServerConnection, type ServerPlan } from './server-connection.ts';
import type { Session } from './session.ts';
import { slotOf } from './slot.ts';
import { addressOf, SlotTable } from './slot-table.ts';
import { Subscriber } from './subscriber.ts';

export interface ClusterPlan extends Omit<ServerPlan, 'locate'> {
  /** Where the Cluster is looked for. */
  readonly seeds: readonly Target[];
  /** Where a server is reached that the Cluster says is at this host and port, if that is elsewhere. */
  readonly natMap: (host: string, port: number) => Target | undefined;
  readonly locate: (target: Target) => Locate;
}

/** The shortest time between two requests for the table of slots, in ms. */
const NEXT_FIND = 100;
/** For how long a server that slots are moving to is kept connected, in ms. */
const IMPORTING = 60_000;

const UNKNOWN = new Error('the masters of the Redis Cluster are not known yet');

interface Member {
  readonly server: ServerConnection;
  readonly host: string;
  /** Until when it is kept although it has no slots, in ms of the clock. */
  keptUntil: number;
  /** Whether it has been tried: it is up, or could not be connected to. */
  isSettled: boolean;
}

/**
 * {@link RedisConnection} to a Redis Cluster: one connection to each master. Each is lost, watched and made again by itself, so that
 * a master that hangs or is down costs only its own slots.
 */
export class ClusterConnection implements RedisConnection {
  readonly reorders: boolean = true;
  readonly isSharded: boolean = true;
  readonly #plan: ClusterPlan;
  readonly #table = new SlotTable();
  /** By their addresses, as the Cluster says them; seeds as they were given. */
  readonly #members = new Map<string, Member>();
  #listener: ConnectionListener = { up() {}, parted() {}, down() {} };
  #isUp = false;
  #isClosed = false;
  #isFinding = false;
  #lastFind = Number.NEGATIVE_INFINITY;
  #cancelFind: Cancel | undefined;
  #cause: Error = UNKNOWN;

  constructor(plan: ClusterPlan) {
    this.#plan = plan;
  }

  get name(): string {
    return this.#plan.name;
  }

  get stage(): string {
    const [first] = this.#members.values();
    return first?.server.stage ?? '';
  }

  open(listener: ConnectionListener): void {
    this.#listener = listener;
    this.#openSeeds();
  }

  masters(): readonly Master[] {
    const { clock } = this.#plan;
    return [...this.#members].flatMap(([address, { server, keptUntil }]) => {
      const isMaster = this.#table.masters.has(address) || keptUntil > clock.now();
      return isMaster && !(server.session instanceof Error) ? [server.session] : [];
    });
  }

  masterOf(key: string): Master | Error {
    if (this.#table.isEmpty) return this.#cause;
    const owner = this.#table.ownerOf(slotOf(key));
    const member = owner === undefined ? undefined : this.#members.get(owner);
    return member?.server.session ?? new Error('no master of the Redis Cluster has the slot of this key');
  }

  slotOf(key: string): number {
    return slotOf(key);
  }

  sharded(): void {}

  redirected(error: Error): Master | undefined {
    const [, kind, slot, host, port] = /^(MOVED|ASK) (\d+) (\S*):(\d+)$/.exec(error.message) ?? [];
    this.#find();
    // Without a host it is the server's own, which is in the table.
    if (this.#isClosed || !host || host === '?') return undefined;
    const member = this.#member(host, Number(port));
    if (kind === 'MOVED') this.#table.move(Number(slot), addressOf(host, Number(port)));
    else member.keptUntil = this.#plan.clock.now() + IMPORTING;
    const { session } = member.server;
    return session instanceof Error ? undefined : session;
  }

  publisherOf(key: string): string | undefined {
    const owner = this.#table.ownerOf(slotOf(key));
    return owner !== undefined && this.#members.get(owner)?.server.isUp ? owner : undefined;
  }

  subscriberTo(key: string): RedisSubscriber {
    const owner = this.#table.ownerOf(slotOf(key)) ?? '';
    const colon = owner.lastIndexOf(':');
    const plan = this.#planOf(owner.slice(0, colon), Number(owner.slice(colon + 1)));
    return new Subscriber(plan, () => this.#find());
  }

  /** Each connection is cut and made again by itself; the masters may be others by now. */
  reset(): void {
    this.#find();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelFind?.();
    for (const { server } of this.#members.values()) server.close();
    this.#members.clear();
  }

  #openSeeds(): void {
    for (const seed of this.#plan.seeds) {
      const [host, port] = 'path' in seed ? [seed.path, 0] : [seed.host, seed.port];
      const address = addressOf(host, port);
      if (!this.#members.has(address)) this.#connect(address, host, this.#planFor(address, seed));
    }
  }

  #planOf(host: string, port: number): ServerPlan {
    return this.#planFor(addressOf(host, port), this.#plan.natMap(host, port) ?? { host, port });
  }

  #planFor(name: string, target: Target): ServerPlan {
    const { seeds: _, natMap: __, locate, ...plan } = this.#plan;
    return { ...plan, name, locate: locate(target) };
  }

  #member(host: string, port: number): Member {
    const address = addressOf(host, port);
    return this.#members.get(address) ?? this.#connect(address, host, this.#planOf(host, port), 'awaited');
  }

  #connect(address: string, host: string, plan: ServerPlan, awaited?: 'awaited'): Member {
    const server = new ServerConnection(plan, true);
    const member: Member = { server, host, keptUntil: 0, isSettled: false };
    this.#members.set(address, member);
    server.open(
      {
        up: () => {
          member.isSettled = true;
          if (this.#table.isEmpty) this.#find();
          if (this.#isUp && this.#table.masters.has(address)) this.#listener.up();
          else this.#settle();
        },
        parted: () => {
          if (this.#isUp) this.#listener.parted();
        },
        down: (cause) => {
          member.isSettled = true;
          this.#cause = cause;
          // Another master may have taken over.
          this.#find();
          this.#settle();
        },
      },
      awaited,
    );
    return member;
  }

  /** Tells whether the Cluster can be reached, once every master has been tried. */
  #settle(): void {
    if (this.#isClosed) return;
    const masters = [...this.#members].filter(([address]) => this.#table.masters.has(address));
    const all = masters.length > 0 ? masters : [...this.#members];
    const isAnyUp = masters.some(([, { server }]) => server.isUp);
    const areAllSettled = all.every(([, { isSettled }]) => isSettled);
    if (isAnyUp && !this.#isUp && areAllSettled) {
      this.#isUp = true;
      this.#listener.up();
    } else if (
      !isAnyUp &&
      areAllSettled &&
      !all.some(([, { server }]) => !(server.session instanceof Error))
    ) {
      this.#isUp = false;
      this.#openSeeds();
      this.#listener.down(this.#cause);
    }
  }

  /** Asks for the table of slots: one server after the other, until one tells. */
  #find(): void {
    if (this.#isFinding || this.#isClosed || this.#cancelFind) return;
    const { clock } = this.#plan;
    const wait = this.#lastFind + NEXT_FIND - clock.now();
    if (wait > 0) {
      this.#cancelFind = clock.after(wait, () => {
        this.#cancelFind = undefined;
        this.#find();
      });
      return;
    }
    this.#isFinding = true;
    this.#ask([...this.#members.values()].filter(({ server }) => server.isUp));
  }

  #ask([member, ...others]: readonly Member[]): void {
    const session = member?.server.session;
    if (this.#isClosed || !member || !session || session instanceof Error) {
      this.#found();
      return;
    }
    session.send(['CLUSTER', 'SLOTS'], (error, reply) => {
      if (this.#isClosed) return;
      if (!error && this.#table.read(reply, member.host)) {
        this.#found();
        this.#use();
        return;
      }
      this.#cause = error ?? new Error('the server does not know which masters its Redis Cluster has');
      this.#ask(others);
      if (this.#table.isEmpty) this.#settleWithoutTable(session);
    });
  }

  #found(): void {
    this.#isFinding = false;
    this.#lastFind = this.#plan.clock.now();
  }

  /** A server that does not tell the masters is as good as one that cannot be reached. */
  #settleWithoutTable(session: Session): void {
    if (!session.isOpen) return;
    this.#listener.down(this.#cause);
    this.#find();
  }

  /** Connects to the masters of the table, and to no others. */
  #use(): void {
    const now = this.#plan.clock.now();
    for (const [address, { server, keptUntil }] of this.#members) {
      if (this.#table.masters.has(address) || keptUntil > now) continue;
      this.#members.delete(address);
      server.close();
    }
    for (const address of this.#table.masters) {
      const colon = address.lastIndexOf(':');
      this.#member(address.slice(0, colon), Number(address.slice(colon + 1)));
    }
    this.#settle();
  }
}
