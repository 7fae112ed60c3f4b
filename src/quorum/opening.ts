/** Decides which nodes a round asks when; without one, all are asked at once. */
export interface Opening<Reply> {
  /** The round begins. `ask` may be called now and later, until the round has ended; each node is to be asked once. */
  begin(ask: (nodes: readonly number[]) => void): void;
  /** Sees each reply before anything is decided with it, also those that come after the end. */
  heard(node: number, reply: Reply): void;
  /** The round is decided. */
  end(): void;
}
