import type { NodeView } from './observer.ts';
import { Picture } from './picture.ts';
import type { Contender, Score } from './referee.ts';
import { ownerOf, seconds } from './text.ts';

/** Everything there is to see at one moment. */
export interface Scene {
  /** ms since the start. */
  readonly elapsed: number;
  /** The same moment, on the clock of the events. */
  readonly at: number;
  readonly nodes: readonly NodeView[];
  readonly contenders: readonly Contender[];
  readonly score: Score;
  readonly counter: number;
}

export interface Dashboard {
  /** How often it wants to be drawn, in ms. */
  readonly interval: number;
  draw(scene: Scene): void;
  /** Something happened; `mark` stands for it on the time line. */
  note(elapsed: number, text: string, mark?: string): void;
}

/** A picture that changes in place if standard output is a terminal with room for it, else a log. */
export function createDashboard(duration: number): Dashboard {
  const { isTTY, columns, rows } = process.stdout;
  const roomy = isTTY && columns >= 80 && rows >= 22 && process.env['TERM'] !== 'dumb';
  return roomy ? new Picture(duration) : new Log();
}

const MARKS = { up: '·', down: '✗', quarantined: '◌' } as const;

class Log implements Dashboard {
  readonly interval = 500;
  #explained = false;

  draw({ elapsed, nodes, contenders, score, counter }: Scene): void {
    if (!this.#explained) {
      console.log(`votes: of ${nodes.map(({ name }) => name).join(', ')}`);
      console.log(
        '       a number is the worker that has it, ? one that only tries, · nobody;\n' +
          '       ✗ a node that is down, ◌ one that is back but may have forgotten a lock',
      );
      this.#explained = true;
    }
    const votes = nodes.map((node) => ownerOf(node, contenders) ?? MARKS[node.state]).join(' ');
    const inside = contenders.filter(({ state }) => state === 'inside').map(({ worker }) => worker);
    const waiting = contenders.filter(({ state }) => state === 'waits').length;
    const columns = [
      `votes ${votes}`,
      `inside ${inside.join('+') || '·'}`.padEnd(8),
      `waiting ${waiting}`.padEnd(10),
      `done ${score.done}`.padEnd(10),
      `counter ${counter}`,
    ];
    this.#print(elapsed, columns.join('  '));
  }

  note(elapsed: number, text: string): void {
    this.#print(elapsed, text);
  }

  #print(elapsed: number, text: string): void {
    console.log(`${seconds(elapsed).padStart(7)}  ${text}`);
  }
}
