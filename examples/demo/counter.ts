import { type FileHandle, open, writeFile } from 'node:fs/promises';

const DIGITS = 12;

/**
 * A number in a file: whoever reads it, adds one and writes it back without a lock, loses updates. Always as many
 * bytes, in one write, so that nobody reads half a number.
 */
export class Counter {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<Counter> {
    await writeFile(path, format(0));
    return Counter.open(path);
  }

  static async open(path: string): Promise<Counter> {
    return new Counter(await open(path, 'r+'));
  }

  async read(): Promise<number> {
    const { buffer } = await this.#file.read(Buffer.alloc(DIGITS), 0, DIGITS, 0);
    return Number(buffer.toString());
  }

  async write(value: number): Promise<void> {
    await this.#file.write(format(value), 0);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function format(value: number): string {
  return String(value).padStart(DIGITS, '0');
}
