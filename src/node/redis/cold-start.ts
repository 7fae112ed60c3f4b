/**
 * What a node has found. `unknown`: nothing yet. `blank`: all of its servers are young, and nobody has admitted them.
 * `admitted`, `admitted young`: it remembers. `other`: it is down, unfit, or took another's place.
 */
export type View = 'unknown' | 'blank' | 'admitted' | 'admitted young' | 'other';

/** A node as the others need it to find out whether all of them have just been started. */
export interface Member {
  readonly name: string;
  /** Looks at the servers once more, over the same connection; whether they still are `blank`. */
  probe(): Promise<boolean>;
  /** Admits them, over the same connection. */
  admit(): Promise<void>;
}

/**
 * Recognises that all nodes are new: none is old, none was admitted by anybody, and there is an instant at which
 * this is so of all of them at once. For that they are looked at twice: at the time between, no lock can have stood
 * on any of them, since each was without memory then and has been the same server all along.
 *
 * A client does so only until it has seen the first node that remembers. After that whoever comes back blank has forgotten.
 */
export class ColdStart {
  readonly #views = new Map<Member, View>();
  #isPossible: boolean;
  /** Whether every node has been blank, and the same, since all were looked at the first time. */
  #isUndisturbed = false;
  #attempt: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  /** `isPossible`: whether such a start is to be recognised at all. */
  constructor(isPossible: boolean) {
    this.#isPossible = isPossible;
  }

  /** Whether all nodes may yet turn out to be new. */
  get isPossible(): boolean {
    return this.#isPossible;
  }

  /** The nodes that keep the others from being recognised as new; undefined if that is no longer possible. */
  get awaited(): readonly string[] | undefined {
    if (!this.#isPossible) return undefined;
    return [...this.#views].flatMap(([{ name }, view]) => (view === 'blank' ? [] : [name]));
  }

  join(member: Member): void {
    this.#views.set(member, 'unknown');
  }

  report(member: Member, view: View): void {
    this.#views.set(member, view);
    // Whatever is blank after that is another server, or another life of it.
    if (view !== 'blank') this.#isUndisturbed = false;
    if (view === 'admitted' || view === 'admitted young') this.#isPossible = false;
    this.#proceed();
  }

  /** Resolves when it is clear whether all nodes are new; then they have been admitted. */
  async settled(): Promise<void> {
    while (this.#attempt || (this.#isPossible && this.#all('unknown', 'blank')))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whether somebody else may be admitting new nodes at this moment: some are, some are not, and all are young. */
  get isUnderWay(): boolean {
    return this.#all('unknown', 'blank', 'admitted young') && !this.#all('unknown', 'blank');
  }

  #all(...wanted: View[]): boolean {
    return [...this.#views.values()].every((view) => wanted.includes(view));
  }

  #proceed(): void {
    if (this.#isPossible && this.#all('blank')) this.#attempt ??= this.#try();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #try(): Promise<void> {
    this.#isUndisturbed = true;
    const members = [...this.#views.keys()];
    const stillBlank = await Promise.all(members.map((member) => member.probe().catch(() => false)));
    if (this.#isPossible && this.#isUndisturbed && stillBlank.every(Boolean)) {
      this.#isPossible = false;
      await Promise.allSettled(members.map((member) => member.admit()));
    }
    // Until it has something new to tell there is no reason to ask again.
    members.forEach((member, i) => {
      if (!stillBlank[i] && this.#views.get(member) === 'blank') this.#views.set(member, 'other');
    });
    this.#attempt = undefined;
    this.#proceed();
  }
}
