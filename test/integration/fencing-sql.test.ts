import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';

/** What stands in docs/fencing.md, by the name in the comment above it. */
const documented = new Map(
  [
    ...readFileSync(fileURLToPath(new URL('../../docs/fencing.md', import.meta.url)), 'utf8').matchAll(
      /<!-- sql: (?<name>\w+) -->\n+```sql\n(?<sql>.*?)\n```/gs,
    ),
  ].map(({ groups }) => [groups?.['name'], groups?.['sql'] ?? '']),
);

function statement(name: string): string {
  const sql = documented.get(name);
  if (sql === undefined) throw new Error(`docs/fencing.md has no SQL named ${name}`);
  return sql;
}

const LARGEST = Number.MAX_SAFE_INTEGER;
const SEED = Number(process.env['SEED'] ?? 20_261_123);

/** A real PostgreSQL, in this process. */
let db: PGlite;

beforeAll(async () => {
  db = await PGlite.create();
}, 60_000);
afterAll(() => db.close());

beforeEach(async () => {
  await db.exec(`
    DROP SCHEMA public CASCADE;
    CREATE SCHEMA public;
    CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL);
    CREATE TABLE receipts (order_id bigint NOT NULL);
    INSERT INTO orders (id, state) VALUES (42, 'new');
  `);
  await db.exec(statement('column'));
});

/** How many rows were changed. */
async function run(name: string, ...values: unknown[]): Promise<number | undefined> {
  const { affectedRows } = await db.query(statement(name), values);
  return affectedRows;
}

async function order(id = 42): Promise<unknown> {
  const { rows } = await db.query('SELECT state, fence FROM orders WHERE id = $1', [id]);
  return rows[0];
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

const update = (state: string, token: number): Promise<number | undefined> => run('update', state, token, 42);
const upsert = (state: string, token: number): Promise<number | undefined> => run('upsert', 42, state, token);

const show = (token: number): Promise<unknown> =>
  db.query("SELECT show_fencing_token('order:42', $1)", [token]);
const receipts = async (): Promise<number> => (await db.query('SELECT * FROM receipts')).rows.length;
const unguarded = (state: string, token: number): Promise<unknown> =>
  db.query('UPDATE orders SET state = $1, fence = $2 WHERE id = 42', [state, token]);

it('all SQL of the page is run here', () => {
  expect([...documented.keys()]).toEqual([
    'column',
    'update',
    'read',
    'upsert',
    'function',
    'transaction',
    'trigger',
  ]);
});

describe.each([
  ['update', update],
  ['upsert', upsert],
])('the documented %s', (_, write) => {
  it('lets a row be written that had no holder yet', async () => {
    expect(await write('paid', 5)).toBe(1);
    expect(await order()).toEqual({ state: 'paid', fence: 5 });
  });

  it('lets one holder write several times', async () => {
    await write('paid', 5);
    expect(await write('sent', 5)).toBe(1);
    expect(await order()).toEqual({ state: 'sent', fence: 5 });
  });

  it('refuses an earlier holder', async () => {
    await write('sent', 6);
    expect(await write('paid', 5)).toBe(0);
    expect(await order()).toEqual({ state: 'sent', fence: 6 });
  });

  it('compares the largest tokens exactly', async () => {
    expect(await write('earlier', LARGEST - 1)).toBe(1);
    expect(await write('later', LARGEST)).toBe(1);
    expect(await write('late', LARGEST - 1)).toBe(0);
    expect(await order()).toEqual({ state: 'later', fence: LARGEST });
  });

  it(`ends with the last holder’s value, whatever the order of the writes (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const tokens = Array.from({ length: 60 }, (_, i) => LARGEST - Math.floor(i / 2))
      .map((token) => ({ token, order: random.fraction() }))
      .sort((a, b) => a.order - b.order)
      .map(({ token }) => token);
    let newest = 0;
    for (const token of tokens) {
      expect(await write(String(token), token)).toBe(token >= newest ? 1 : 0);
      newest = Math.max(newest, token);
      expect(await order()).toEqual({ state: String(newest), fence: newest });
    }
  });
});

describe('the documented upsert', () => {
  it('makes the row that does not exist', async () => {
    expect(await run('upsert', 43, 'paid', 5)).toBe(1);
    expect(await order(43)).toEqual({ state: 'paid', fence: 5 });
  });
});

describe('reading first', () => {
  it('shuts out an earlier holder before anything is written', async () => {
    const { rows } = await db.query(statement('read'), [6, 42]);
    expect(rows).toEqual([{ state: 'new' }]);
    expect(await update('late', 5)).toBe(0);
  });

  it('is refused to an earlier holder', async () => {
    await update('sent', 6);
    const { rows } = await db.query(statement('read'), [5, 42]);
    expect(rows).toEqual([]);
  });
});

describe('the documented function', () => {
  const TOKEN = 1_763_875_974_123_456;

  beforeEach(async () => {
    await db.exec(statement('function'));
  });

  it('lets a holder’s transaction through, any number of times', async () => {
    await db.exec(statement('transaction'));
    await db.exec(statement('transaction'));
    expect(await order()).toMatchObject({ state: 'paid' });
    expect(await receipts()).toBe(2);
  });

  it('undoes the whole transaction of an earlier holder', async () => {
    await show(TOKEN + 1);
    expect(await rejection(db.exec(statement('transaction')))).toMatchObject({ code: 'FENCE' });
    await db.exec('ROLLBACK');
    expect(await order()).toMatchObject({ state: 'new' });
    expect(await receipts()).toBe(0);
  });

  it('compares the largest tokens exactly', async () => {
    await show(LARGEST);
    expect(await rejection(show(LARGEST - 1))).toMatchObject({
      message: `stale fencing token ${LARGEST - 1} for order:42`,
    });
  });

  it('keeps resources apart', async () => {
    await show(LARGEST);
    expect(await rejection(db.query("SELECT show_fencing_token('order:43', 1)"))).toBeUndefined();
  });

  it('forgets what a transaction that failed has shown', async () => {
    await rejection(
      db.transaction(async (transaction) => {
        await transaction.query("SELECT show_fencing_token('order:42', 9)");
        throw new Error('something else');
      }),
    );
    expect(await rejection(show(5))).toBeUndefined();
  });
});

describe('the documented trigger', () => {
  beforeEach(async () => {
    await db.exec(statement('trigger'));
  });

  it('refuses an earlier holder whose update has no condition', async () => {
    await unguarded('sent', LARGEST);
    expect(await rejection(unguarded('paid', LARGEST - 1))).toMatchObject({
      code: 'FENCE',
      message: `stale fencing token ${LARGEST - 1} for order 42: ${LARGEST} has been seen`,
    });
    expect(await order()).toEqual({ state: 'sent', fence: LARGEST });
  });

  it('lets the same holder and later ones write', async () => {
    await unguarded('paid', 5);
    await unguarded('packed', 5);
    await unguarded('sent', 6);
    expect(await order()).toEqual({ state: 'sent', fence: 6 });
  });

  it('goes with the guarded update, which then finds no row', async () => {
    await unguarded('sent', 6);
    expect(await update('paid', 5)).toBe(0);
  });
});
