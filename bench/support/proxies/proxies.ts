import { fileURLToPath } from 'node:url';
import { Child } from '../child.ts';

/** What the process of the proxies can be told. */
export interface Verbs {
  open(request: { ports: readonly number[] }): Promise<{ urls: string[] }>;
  delay(request: { delays: readonly number[] }): Promise<void>;
}

/** Proxies in a process of their own, each in front of one server. */
export interface Proxies {
  readonly urls: readonly string[];
  /** By how many ms answers are late from now on, by proxy; by nothing for those that are not mentioned. */
  delay(...delays: readonly number[]): Promise<void>;
  stop(): void;
}

/** `file`: the bundled program; by default the one beside the program that is running, which then is bundled too. */
export async function startProxies(
  ports: readonly number[],
  file: string = fileURLToPath(new URL('./proxies.mjs', import.meta.url)),
): Promise<Proxies> {
  const child = new Child<Verbs>(file, []);
  await child.started;
  const { urls } = await child.call('open', { ports });
  return {
    urls,
    delay: (...delays) => child.call('delay', { delays }),
    stop: () => child.kill(),
  };
}
