import type { Output } from './output.ts';

const ESC = '\x1b[';
/** The alternate screen, without a cursor, where long lines are cut off. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;

/** A picture that fills the terminal and is drawn again and again. */
export class Screen {
  readonly #output: Output;
  #isOpen = false;
  readonly #leave = (): void => {
    if (this.#isOpen) this.#output.write(LEAVE);
    this.#isOpen = false;
  };

  constructor(output: Output) {
    this.#output = output;
  }

  draw(lines: readonly string[]): void {
    if (!this.#isOpen) {
      this.#isOpen = true;
      // Also when the program ends unexpectedly.
      process.once('exit', this.#leave);
      this.#output.write(ENTER);
    }
    const shown = lines.slice(0, this.#output.rows - 1);
    this.#output.write(`${ESC}H${shown.map((line) => `${line}${ESC}K\r\n`).join('')}${ESC}J`);
  }

  /** The terminal is as it was before. */
  close(): void {
    process.off('exit', this.#leave);
    this.#leave();
  }
}
