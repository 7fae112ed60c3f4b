import type { Command } from '../../src/link/link.ts';
import type { ScriptInput } from '../../src/node/redis/encode.ts';
import type { Master, RedisConnection } from '../../src/node/redis/redis-connection.ts';

interface Waiting<Note> {
  /** What comes after EVALSHA. */
  readonly words: Command;
  readonly note: Note;
}

/**
 * Takes a note of each EVALSHA as a connection is given it: it may wait for a new socket before it leaves, over a link that does not
 * know since when. Commands of one connection leave in order.
 */
export class HandIns<Note> {
  readonly #take: (input: Pick<ScriptInput, 'keys' | 'args'>) => Note;
  readonly #waiting: Waiting<Note>[] = [];
  /** What stands for each master, which is known by its identity. */
  readonly #masters = new WeakMap<Master, Master>();

  constructor(connection: RedisConnection, take: (input: Pick<ScriptInput, 'keys' | 'args'>) => Note) {
    this.#take = take;
    const masters = connection.masters.bind(connection);
    const masterOf = connection.masterOf.bind(connection);
    Object.assign(connection, {
      masters: () => masters().map((master) => this.#watch(master)),
      masterOf: (key: string) => {
        const master = masterOf(key);
        return master instanceof Error ? master : this.#watch(master);
      },
    });
  }

  /** A command leaves: what was noted of it, unless it has left before. */
  left([, ...words]: Command): Note | undefined {
    const index = this.#waiting.findIndex((each) => isSame(each.words, words));
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0]?.note;
  }

  #watch(master: Master): Master {
    const known = this.#masters.get(master);
    if (known) return known;
    const watched: Master = {
      name: master.name,
      evalsha: (sha, input, reply, asking) => {
        const waiting = { words: [sha, ...input.encoded.parts], note: this.#take(input) };
        this.#waiting.push(waiting);
        master.evalsha(
          sha,
          input,
          (error, result) => {
            const index = this.#waiting.indexOf(waiting);
            if (index >= 0) this.#waiting.splice(index, 1);
            reply(error, result);
          },
          asking,
        );
      },
      info: () => master.info(),
      hasScripts: (shas) => master.hasScripts(shas),
      load: (script) => master.load(script),
      clusterSize: () => master.clusterSize(),
    };
    this.#masters.set(master, watched);
    return watched;
  }
}

function isSame(some: Command, others: Command): boolean {
  return some.length === others.length && some.every((word, index) => word === others[index]);
}
