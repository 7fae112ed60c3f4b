import { quorumOf } from '../quorum/ballot.ts';

/** Why a node did not grant a lock when it was last asked. */
interface Obstacle {
  /** Whose lock is there; '' if it is nobody's. */
  readonly owner: string;
  /** When it expires, in ms of the clock, if nobody extends it; Infinity: never. */
  readonly until: number;
  /** Which attempt met it. */
  readonly attempt: number;
  /** Whether its end may have been missed. */
  readonly isUnsure: boolean;
}

/**
 * What a waiter knows of who is in its way, node by node: from the denials of its attempts, and from the releases that
 * it is told of. It may be out of date, and decides nothing but when to try again, and whom to ask first.
 */
export class Rivals {
  readonly #obstacles: (Obstacle | undefined)[];
  /** By whom each node has denied last, and by whom before. */
  readonly #owners: (string | undefined)[];
  readonly #formerOwners: (string | undefined)[];
  /** Nodes that cannot grant anything now. */
  readonly #silent: boolean[];
  /** Whose release a node has told last: it may arrive before a denial that it makes obsolete. */
  readonly #released: (string | undefined)[];
  /** The last attempt during which a node told something that may make a denial obsolete. */
  readonly #heardAgain: number[];
  #attempt = 0;
  #hasNews = false;

  constructor(nodes: number) {
    this.#obstacles = new Array<Obstacle | undefined>(nodes).fill(undefined);
    this.#owners = new Array<string | undefined>(nodes).fill(undefined);
    this.#formerOwners = new Array<string | undefined>(nodes).fill(undefined);
    this.#silent = new Array<boolean>(nodes).fill(false);
    this.#released = new Array<string | undefined>(nodes).fill(undefined);
    this.#heardAgain = new Array<number>(nodes).fill(-1);
  }

  /** An attempt begins: what nodes answer replaces what they answered before. Returns its number. */
  begin(): number {
    this.#hasNews = false;
    return ++this.#attempt;
  }

  /** The number of the attempt that began last. */
  get attempt(): number {
    return this.#attempt;
  }

  /**
   * A node has denied the lock to the attempt.
   *
   * @returns whether by the same owner as before, so that this is no contender of now.
   */
  denied(node: number, owner: string, until: number): boolean {
    const wasThere = this.#owners[node] === owner;
    const isOver = owner !== '' && this.#released[node] === owner;
    // Once: should the key still be there after all, its release was told, but not done.
    if (isOver) this.#released[node] = undefined;
    if (!wasThere) this.#formerOwners[node] = this.#owners[node];
    const mayBeOver = owner !== '' && this.#heardAgain[node] === this.#attempt;
    this.#silent[node] = false;
    this.#owners[node] = owner;
    this.#hasNews ||= isOver || mayBeOver;
    this.#obstacles[node] = isOver
      ? undefined
      : { owner, until, attempt: this.#attempt, isUnsure: mayBeOver };
    return wasThere || isOver;
  }

  /** A node has granted the lock, or gave no vote (`silent`). */
  answered(node: number, kind: 'granted' | 'silent'): void {
    this.#silent[node] = kind === 'silent';
    this.#owners[node] = undefined;
    this.#obstacles[node] = undefined;
  }

  /** A node has told of a release; returns whether that may have been in the way. */
  released(node: number, owner: string): boolean {
    const obstacle = this.#obstacles[node];
    this.#released[node] = owner;
    // A denial by somebody else that is still on its way may be the older one: who hands on in silence is not told of.
    if (owner !== this.#owners[node]) this.#heardAgain[node] = this.#attempt;
    if (!obstacle) return this.#silent[node] === true && this.#clear(node);
    // Who was there before the one that denied has gone before, and this comes late. Of another, it tells that the one that
    // denied has gone too, without saying so.
    const isLate = owner !== obstacle.owner && owner === this.#formerOwners[node];
    return !isLate && this.#clear(node);
  }

  /** Releases may have been missed before this instant; returns whether one could have mattered. */
  heardAgain(node: number): boolean {
    this.#heardAgain[node] = this.#attempt;
    return !this.isOpen(node) && this.#clear(node);
  }

  /** Whether a node gave no vote when it was last asked. */
  isSilent(node: number): boolean {
    return this.#silent[node] === true;
  }

  /** Whether the way has become freer, in a way that this attempt cannot have seen. */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  /** Whether anybody is in the way. */
  get isContested(): boolean {
    return this.#obstacles.some((obstacle) => obstacle !== undefined);
  }

  /** Whether one owner has a quorum; otherwise votes were split. */
  get isHeld(): boolean {
    const counts = new Map<string, number>();
    for (const { owner } of this.#known) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return Math.max(0, ...counts.values()) >= quorumOf(this.#obstacles.length);
  }

  /** Whether nothing is known that keeps a node from granting. */
  isOpen(node: number): boolean {
    return this.#silent[node] === false && this.#obstacles[node]?.isUnsure !== false;
  }

  /** Whether nothing is known that keeps a quorum from granting. */
  get mayWin(): boolean {
    return this.#missing <= 0;
  }

  /** When a quorum can grant by expiry alone, in ms of the clock: now or before, if it can already; Infinity if it cannot. */
  get freeAt(): number {
    const ends = this.#known.map(({ until }) => until).sort((a, b) => a - b);
    if (this.mayWin) return Number.NEGATIVE_INFINITY;
    return ends[this.#missing - 1] ?? Number.POSITIVE_INFINITY;
  }

  get #known(): Obstacle[] {
    return this.#obstacles.flatMap((obstacle) => (obstacle?.isUnsure === false ? [obstacle] : []));
  }

  get #missing(): number {
    const open = this.#obstacles.filter((_, node) => this.isOpen(node)).length;
    return quorumOf(this.#obstacles.length) - open;
  }

  #clear(node: number): true {
    this.#hasNews ||= this.isSilent(node) || this.#obstacles[node]?.attempt === this.#attempt;
    this.#obstacles[node] = undefined;
    this.#silent[node] = false;
    return true;
  }
}
