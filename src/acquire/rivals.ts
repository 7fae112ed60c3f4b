import { quorumOf } from '../quorum/ballot.ts';

/** Stands for the owner of anything that is no lock of quorlock's. Nobody announces its release. */
export const FOREIGN = '';

/** Why a node did not grant a lock when it was last asked. */
interface Obstacle {
  /** Whose lock is there; {@link FOREIGN} if it is no lock of quorlock's. */
  readonly owner: string;
  /** When it expires, in ms of the clock, if nobody extends it; Infinity: never. */
  readonly until: number;
  /** Which attempt met it. */
  readonly attempt: number;
  /** Whether its end may have been missed. */
  readonly isUnsure: boolean;
}

/** What is known of a node that has not only granted. */
interface Knowledge {
  obstacle: Obstacle | undefined;
  /** By whom it has denied last, and by whom before. */
  owner: string | undefined;
  formerOwner: string | undefined;
  /** Whether it cannot grant anything now. */
  isSilent: boolean;
  /** Whose release it has told last: that may arrive before a denial that it makes obsolete. */
  released: string | undefined;
  /** The last attempt during which it told something that may make a denial obsolete. */
  heardAgain: number;
}

/**
 * What a waiter knows of who is in its way, node by node: from the denials of its attempts, and from the releases that
 * it is told of. It may be out of date, and decides nothing but when to try again, and whom to ask first.
 */
export class Rivals {
  readonly #nodes: (Knowledge | undefined)[];
  #attempt = 0;
  #hasNews = false;

  constructor(nodes: number) {
    this.#nodes = new Array<Knowledge | undefined>(nodes).fill(undefined);
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
   * @returns whether the owner does not compete for the lock at this moment: it was there before, or goes by no arbiter.
   */
  denied(node: number, owner: string, until: number): boolean {
    const known = this.#of(node);
    const isForeign = owner === FOREIGN;
    const wasThere = known.owner === owner;
    const isOver = !isForeign && known.released === owner;
    // Once: should the key still be there after all, its release was told, but not done.
    if (isOver) known.released = undefined;
    if (!wasThere) known.formerOwner = known.owner;
    const mayBeOver = !isForeign && known.heardAgain === this.#attempt;
    known.isSilent = false;
    known.owner = owner;
    this.#hasNews ||= isOver || mayBeOver;
    known.obstacle = isOver ? undefined : { owner, until, attempt: this.#attempt, isUnsure: mayBeOver };
    return wasThere || isOver || isForeign;
  }

  /** A node has granted the lock, or gave no vote (`silent`). */
  answered(node: number, kind: 'granted' | 'silent'): void {
    if (kind === 'granted' && !this.#nodes[node]) return;
    const known = this.#of(node);
    known.isSilent = kind === 'silent';
    known.owner = undefined;
    known.obstacle = undefined;
  }

  /** A node has told of a release; returns whether that may have been in the way. */
  released(node: number, owner: string): boolean {
    const known = this.#of(node);
    const { obstacle } = known;
    known.released = owner;
    // A denial by somebody else that is still on its way may be the older one: who hands on in silence is not told of.
    if (owner !== known.owner) known.heardAgain = this.#attempt;
    if (!obstacle) return known.isSilent && this.#clear(known);
    // Who was there before the one that denied has gone before, and this comes late. Of another, it tells that the one that
    // denied has gone too, without saying so.
    const isLate = owner !== obstacle.owner && owner === known.formerOwner;
    return !isLate && this.#clear(known);
  }

  /** Releases may have been missed before this instant; returns whether one could have mattered. */
  heardAgain(node: number): boolean {
    const known = this.#of(node);
    known.heardAgain = this.#attempt;
    return !this.isOpen(node) && this.#clear(known);
  }

  /** Whether a node gave no vote when it was last asked. */
  isSilent(node: number): boolean {
    return this.#nodes[node]?.isSilent === true;
  }

  /** Whether the way has become freer, in a way that this attempt cannot have seen. */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  /** Whether anybody is in the way. */
  get isContested(): boolean {
    return this.#nodes.some((known) => known?.obstacle !== undefined);
  }

  /** Whether one owner has a quorum; otherwise votes were split. */
  get isHeld(): boolean {
    return this.#holder !== undefined;
  }

  /** Whether something that is no lock of quorlock's is in the way, and no lock of quorlock's has a quorum. */
  get isForeign(): boolean {
    return (this.#holder ?? FOREIGN) === FOREIGN && this.#known.some(({ owner }) => owner === FOREIGN);
  }

  /** Whether nothing is known that keeps a node from granting. */
  isOpen(node: number): boolean {
    return !this.isSilent(node) && this.#nodes[node]?.obstacle?.isUnsure !== false;
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

  /** Who has a quorum. */
  get #holder(): string | undefined {
    const counts = new Map<string, number>();
    for (const { owner } of this.#known) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return [...counts].find(([, nodes]) => nodes >= quorumOf(this.#nodes.length))?.[0];
  }

  get #known(): Obstacle[] {
    return this.#nodes.flatMap((known) => (known?.obstacle?.isUnsure === false ? [known.obstacle] : []));
  }

  get #missing(): number {
    let open = 0;
    for (let node = 0; node < this.#nodes.length; node++) if (this.isOpen(node)) open++;
    return quorumOf(this.#nodes.length) - open;
  }

  #of(node: number): Knowledge {
    return (this.#nodes[node] ??= {
      obstacle: undefined,
      owner: undefined,
      formerOwner: undefined,
      isSilent: false,
      released: undefined,
      heardAgain: -1,
    });
  }

  #clear(known: Knowledge): true {
    this.#hasNews ||= known.isSilent || known.obstacle?.attempt === this.#attempt;
    known.obstacle = undefined;
    known.isSilent = false;
    return true;
  }
}
