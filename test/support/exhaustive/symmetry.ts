import type { Fault, Scope } from './scope.ts';

/** One representative of the executions of a scope that differ only in who is who. */
export interface Symmetry {
  /** Whose grant each node executes first; undefined if it may be anybody's. */
  readonly first: readonly (number | undefined)[];
  /** For each node, those that have to answer the first client's first call before it may, unless they do not do so in time. */
  readonly before: readonly (readonly number[])[];
}

/** Nobody stands for anybody else. */
export const ASYMMETRY: Symmetry = { first: [], before: [] };

/** A fault that leaves the clients as interchangeable as they were. */
const HITS_ALL: ReadonlySet<Fault | undefined> = new Set([undefined, 'crash', 'forget', 'drop']);
/** A fault after which a node may never see some grant. */
const LOSES_REQUESTS: ReadonlySet<Fault | undefined> = new Set(['crash', 'lost replies', 'lost requests']);

/**
 * Which executions have to be looked at. Every other is one of these with its clients or its nodes renamed: so that
 * the nodes that execute the first client's grant first come first, and among equals those that answer it first.
 */
export function symmetries({ clients, nodes, fault, cycles, symmetry }: Scope): Symmetry[] {
  if (symmetry === 'ignored') return [ASYMMETRY];
  const alike = fault === undefined ? nodes : nodes - 1;
  if (clients !== 2 || cycles) return [{ first: [], before: precedence(new Array(alike).fill(0)) }];
  // What the faulty node sees first tells the clients apart, too, if it is sure to see both.
  const marked = fault !== undefined && !LOSES_REQUESTS.has(fault);
  const least = HITS_ALL.has(fault) && !marked ? Math.ceil(alike / 2) : 0;
  return Array.from({ length: alike - least + 1 }, (_, i) => {
    const first = Array.from({ length: alike }, (_, node) => (node < least + i ? 0 : 1));
    return { first: marked ? [...first, 0] : first, before: precedence(first) };
  });
}

/** Of nodes that are alike, one comes before the next. */
function precedence(kinds: readonly number[]): number[][] {
  return kinds.map((kind, node) =>
    kinds.flatMap((other, before) => (other === kind && before < node ? [before] : [])),
  );
}
