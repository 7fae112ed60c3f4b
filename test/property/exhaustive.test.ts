import { test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { emptyHistory, type History, type Section } from '../support/checker/history.ts';
import { BruteForce } from '../support/exhaustive/brute-force.ts';
import { Exploration } from '../support/exhaustive/exploration.ts';
import { drive, explore, type Guide, replay } from '../support/exhaustive/explore.ts';
import { withLateReleases } from '../support/exhaustive/linearization.ts';
import { normalForm, type Performed } from '../support/exhaustive/normal-form.ts';
import { Execution, type Program, programs } from '../support/exhaustive/program.ts';
import type { Scope } from '../support/exhaustive/scope.ts';
import { SmallWorld } from '../support/exhaustive/small-world.ts';

type Explorer = Pick<Exploration, 'choose' | 'performed' | 'next'>;

/** The trace of each complete execution that the explorer wants to see. */
function tracesOf(program: Program, explorer: Explorer): string[] {
  const traces: string[] = [];
  do {
    const execution = new Execution(program);
    const events: Performed[] = [];
    for (;;) {
      const choices = execution.choices();
      const process = explorer.choose(choices);
      const choice = choices.find((choice) => choice.process === process);
      if (!choice) {
        if (choices.length === 0) traces.push(normalForm(events));
        break;
      }
      const effect = execution.perform(choice);
      events.push({ ...effect, process: choice.process });
      explorer.performed(effect);
    }
  } while (explorer.next());
  return traces;
}

/** The same for a world with production code in it. */
async function worldTracesOf(scope: Scope, explorer: Explorer): Promise<string[]> {
  const traces: string[] = [];
  let order: string[] = [];
  let events: Performed[] = [];
  const guide: Guide = {
    choose: (enabled) => {
      const process = explorer.choose(enabled);
      if (process !== undefined) order.push(process);
      return process;
    },
    performed: (effect) => {
      events.push({ ...effect, process: order.at(-1) ?? '' });
      explorer.performed(effect);
    },
    ended: (_, isComplete) => {
      if (isComplete) traces.push(normalForm(events));
      order = [];
      events = [];
      return explorer.next();
    },
  };
  await drive(() => new SmallWorld(scope), guide);
  return traces;
}

/** A lock that is given back a millisecond after it was got. */
const section = (client: number, from: number): Section => ({
  client,
  token: `c${client}-1`,
  resources: ['r'],
  from,
  validity: [{ at: from, until: 100 }],
  worth: 0,
  maxHoldTime: 100,
  releasedAt: from + 1,
  abortedAt: Number.POSITIVE_INFINITY,
});

const VOTES_DROPPED: Scope = { clients: 2, nodes: 3, timeouts: 'none', fault: 'drop' };

describe('the explorer', () => {
  test.prop([programs])('runs every trace of a program exactly once', (program) => {
    const all = new Set(tracesOf(program, new BruteForce()));
    expect(tracesOf(program, new Exploration()).sort()).toEqual([...all].sort());
  });

  it.for<[string, Scope]>([
    ['no fault', { clients: 1, nodes: 2 }],
    ['contention', { clients: 2, nodes: 1, timeouts: 'none' }],
    ['forget', { clients: 1, nodes: 2, fault: 'forget' }],
    ['drop', { clients: 1, nodes: 2, fault: 'drop' }],
    ['lost requests', { clients: 1, nodes: 1, fault: 'lost requests' }],
    ['lost replies', { clients: 1, nodes: 1, fault: 'lost replies' }],
    ['crash', { clients: 1, nodes: 1, fault: 'crash' }],
  ])('runs every trace of a tiny world exactly once (%s)', async ([, scope]) => {
    const all = new Set(await worldTracesOf(scope, new BruteForce()));
    expect((await worldTracesOf(scope, new Exploration())).sort()).toEqual([...all].sort());
  });

  it.for<Scope>([
    { clients: 2, nodes: 2, timeouts: 'none' },
    { clients: 2, nodes: 2, timeouts: 'none', fault: 'drop' },
    { clients: 1, nodes: 2, fault: 'lost requests' },
  ])('misses nothing by what it knows of the symmetry of a world (%o)', async (scope) => {
    expect(await outcomesOf(scope)).toEqual(await outcomesOf({ ...scope, symmetry: 'ignored' }));
  });

  it.for<Scope>([
    { clients: 2, nodes: 2, timeouts: 'none' },
    { clients: 1, nodes: 2, fault: 'lost requests' },
  ])('misses nothing by what it knows of answers (%o)', async (scope) => {
    expect(await outcomesOf(scope)).toEqual(await outcomesOf({ ...scope, dependence: 'all' }));
  });

  it('sees that two sections may overlap that did not', () => {
    const history: History = { ...emptyHistory(0), sections: [section(0, 1), section(1, 3)] };
    const own = [1, 1, 2, 2].map((objects) => ({ objects, after: -1 }));
    const late = withLateReleases(history, own);
    expect(late?.sections.map(({ from, releasedAt }) => [from, releasedAt])).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  it('sees that two sections cannot overlap where one comes of the end of the other', () => {
    const order = [1, 1, 3, 2].map((objects) => ({ objects, after: -1 }));
    const sections = [{ releasedAt: 2, abortedAt: Number.POSITIVE_INFINITY } as Section];
    expect(withLateReleases({ ...emptyHistory(0), sections }, order)).toBeUndefined();
  });

  it('finds a lock that is held without the votes for it', async () => {
    const leniency = { forgive: false };
    const { violation } = await explore(VOTES_DROPPED, { leniency });
    expect(violation?.violations).toContainEqual(expect.objectContaining({ rule: 'support' }));
  });

  it('can show an execution again', async () => {
    const leniency = { forgive: false };
    const { violation } = await explore(VOTES_DROPPED, { leniency });
    expect(await replay(VOTES_DROPPED, violation?.order ?? [], { leniency })).toEqual(violation);
  });
});

describe('two clients on three nodes, where no timer runs out', () => {
  it('break no rule, in whatever order things happen', { timeout: 300_000 }, async () => {
    const { executions, blocked, violation } = await explore({ clients: 2, nodes: 3, timeouts: 'none' });
    console.log(`${executions} executions, ${blocked} given up`);
    expect(violation?.trace).toBeUndefined();
    expect(executions).toBeGreaterThan(500);
  });
});

describe('one client on two nodes that extends its lock twice', () => {
  it.for(['lost replies', 'lost requests'] as const)(
    'keeps it, at whatever moment an extension is left without an answer (%s)',
    { timeout: 300_000 },
    async (fault) => {
      const kept: string[] = [];
      const scope = { clients: 1, nodes: 2, extensions: [2], timeouts: 'none', fault } as const;
      const { violation } = await explore(scope, {
        onExecution: ({ calls }) => {
          kept.push(calls.flatMap(({ verb, outcome }) => (verb === 'extend' ? outcome : [])).join());
        },
      });
      expect(violation?.trace).toBeUndefined();
      // The first one is left without an answer, and the second finds the lock as it was.
      expect(kept).toContain('QUORUM_UNREACHABLE,ok');
    },
  );
});

/** What has come of each execution, whoever is who: what each client was told, and what each node did, one after the other. */
async function outcomesOf(scope: Scope): Promise<string[]> {
  const outcomes = new Set<string>();
  await explore(scope, { onExecution: (history) => void outcomes.add(outcomeOf(history, scope)) });
  return [...outcomes].sort();
}

function outcomeOf({ calls, exchanges }: History, { clients, nodes, fault }: Scope): string {
  const names = permutations(clients).flatMap((clientNames) =>
    // The last node is another if it is the one that fails.
    permutations(fault ? nodes - 1 : nodes).map((nodeNames) => ({ clientNames, nodeNames })),
  );
  const descriptions = names.map(({ clientNames, nodeNames }) => {
    const lines = [
      ...calls.map((call) => ({
        who: `c${clientNames[call.client]}`,
        at: call.invokedAt,
        what: `${call.verb} ${call.outcome}`,
      })),
      ...exchanges
        .filter(({ executedAt }) => executedAt < Number.POSITIVE_INFINITY)
        .map(({ node, client, operation, reply, executedAt }) => ({
          who: `n${nodeNames[node] ?? node}`,
          at: executedAt,
          what: `c${clientNames[client]} ${operation} ${reply}`,
        })),
    ];
    lines.sort((a, b) => (a.who < b.who ? -1 : a.who > b.who ? 1 : a.at - b.at));
    return lines.map(({ who, what }) => `${who} ${what}`).join('\n');
  });
  return descriptions.sort()[0] ?? '';
}

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((shorter) =>
    Array.from({ length: n }, (_, at) => [...shorter.slice(0, at), n - 1, ...shorter.slice(at)]),
  );
}
