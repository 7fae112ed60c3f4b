import { atExit } from './at-exit.ts';
import type { Dashboard, Scene } from './dashboard.ts';
import type { NodeView } from './observer.ts';
import type { Contender } from './referee.ts';
import { ms, ownerOf, paint, seconds } from './text.ts';

/** Of the time line: this many columns, each of this many ms or more, so that none is left out in drawing. */
const MOST_COLUMNS = 60;
const SHORTEST_COLUMN = 250;
/** Width of the left half of the table. */
const LEFT = 38;
const MOST_ROWS = 9;
const BARS = '▁▂▃▄▅▆▇█';

/** A dashboard that is drawn over and over in the same place. */
export class Picture implements Dashboard {
  readonly interval = 100;
  readonly #duration: number;
  readonly #notes: string[] = [];
  readonly #columns: number;
  readonly #marks: string[];
  /** Sections done by the end of each column of the time line. */
  readonly #done: (number | undefined)[] = [];
  #height = 0;

  constructor(duration: number) {
    this.#duration = duration;
    this.#columns = Math.min(MOST_COLUMNS, Math.floor(duration / SHORTEST_COLUMN));
    this.#marks = new Array<string>(this.#columns).fill(' ');
    process.stdout.write('\x1b[?25l');
    atExit(() => process.stdout.write('\x1b[?25h'));
  }

  note(elapsed: number, text: string, mark?: string): void {
    this.#notes.push(` ${seconds(elapsed).padStart(6)}  ${text}`.slice(0, 79));
    if (mark) this.#marks[this.#column(elapsed)] = paint(mark === '✗' ? 'red' : 'green', mark);
  }

  draw(scene: Scene): void {
    const { elapsed, score, counter } = scene;
    this.#done[this.#column(elapsed)] = score.done;
    const overlaps = paint(score.overlaps > 0 ? 'red' : 'green', `overlaps ${score.overlaps}`);
    const numbers = `counter ${counter}   wait p50 ${ms(score.wait.p50)}, p99 ${ms(score.wait.p99)}`;
    const top = [
      '',
      paint('dim', ' sections done over time'),
      ` ${paint('cyan', this.#throughput())}  ${seconds(elapsed)} of ${seconds(this.#duration)}`,
      ` ${this.#marks.join('')}`,
      ...table(scene),
      '',
      ` sections done ${paint('bold', String(score.done))}   ${numbers}   ${overlaps}`,
      '',
    ];
    const room = Math.max(1, process.stdout.rows - top.length - 1);
    const lines = [...top, ...this.#notes.slice(-room)];
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : '';
    process.stdout.write(`${up}${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
    this.#height = lines.length;
  }

  #column(elapsed: number): number {
    return Math.min(this.#columns - 1, Math.floor((elapsed / this.#duration) * this.#columns));
  }

  /** How many sections were done in each column, as bars. */
  #throughput(): string {
    let before = 0;
    const rates = Array.from(this.#done, (done = before) => {
      const rate = done - before;
      before = done;
      return rate;
    });
    const most = Math.max(1, ...rates);
    const bars = rates.map((rate) => BARS[Math.ceil((rate / most) * (BARS.length - 1))]);
    return bars.join('').padEnd(this.#columns, '·');
  }
}

/** Nodes on the left, workers on the right. */
function table({ at, nodes, contenders }: Scene): string[] {
  const left = nodes.map((node) => nodeCell(node, contenders));
  const right = contenders.map((contender) => workerCell(contender, at));
  const rows = Math.max(left.length, right.length);
  const shown = rows > MOST_ROWS ? MOST_ROWS - 1 : rows;
  return [
    paint('dim', ` ${'node, and whose vote it holds'.padEnd(LEFT)}worker`),
    ...Array.from({ length: shown }, (_, row) => ` ${left[row] ?? ' '.repeat(LEFT)}${right[row] ?? ''}`),
    ...(shown < rows ? [paint('dim', ` ${' '.repeat(LEFT)}… and ${rows - shown} more`)] : []),
  ];
}

const NODE_LOOKS = {
  up: { mark: '●', color: 'green', says: 'free' },
  down: { mark: '✗', color: 'red', says: 'down' },
  quarantined: { mark: '◌', color: 'yellow', says: 'quarantined' },
} as const;

function nodeCell(node: NodeView, contenders: readonly Contender[]): string {
  const owner = ownerOf(node, contenders);
  const { mark, color, says } = NODE_LOOKS[node.state];
  const text = `${node.name.slice(-22).padEnd(23)} ${owner === undefined ? says : `worker ${owner}`}`;
  const padded = text.padEnd(LEFT - 2);
  return node.state === 'up' ? `${paint(color, mark)} ${padded}` : paint(color, `${mark} ${padded}`);
}

const LOOKS = {
  inside: { mark: '◆', color: 'green' },
  waits: { mark: '◇', color: 'yellow' },
  rests: { mark: ' ', color: 'dim' },
  finished: { mark: ' ', color: 'dim' },
  dead: { mark: '✗', color: 'red' },
} as const;

function workerCell({ worker, state, since, done }: Contender, at: number): string {
  const { mark, color } = LOOKS[state];
  const duration = state === 'inside' || state === 'waits' ? ms(Math.max(0, at - since)) : '';
  const text = `${mark} ${state.padEnd(8)} ${duration.padStart(8)}`;
  return `${String(worker).padStart(2)}  ${paint(color, text)} ${String(done).padStart(6)} done`;
}
