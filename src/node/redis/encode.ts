import { encodeOnce } from '../../link/encode.ts';
import type { Encoded } from '../../link/link.ts';
import { counterOf } from '../counter.ts';
import { inboxOf } from '../inbox.ts';
import type { GrantRequest, ReleaseRequest } from '../lock-node.ts';
import type { Form, Operation } from './operation.ts';

/** The KEYS and ARGV of a script. */
export class ScriptInput {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  #encoded: Encoded | undefined;

  constructor(keys: readonly string[], args: readonly (string | number)[]) {
    this.keys = keys;
    this.args = args;
  }

  /** What follows the name of the script in EVALSHA. */
  get encoded(): Encoded {
    const count: (string | number)[] = [this.keys.length];
    // Hundreds of arguments: spreading them would take twice as long.
    this.#encoded ??= encodeOnce(count.concat(this.keys, this.args));
    return this.#encoded;
  }
}

interface Encoding {
  readonly batch: readonly Operation[];
  readonly form: Form;
  readonly isSharded: boolean;
  readonly input: ScriptInput;
}

/**
 * Encodes batches for the script: see `scripts/operations.ts`. The nodes of one Redlock mostly get the same batch, one right after the other, so
 * each kind's last one is kept, and they share it and its text.
 */
export class Encoder {
  readonly #fenceRetention: number;
  readonly #last = new Map<Form | 'release', Encoding>();

  /** `fenceRetention`: for how long fencing counters are kept, in ms. */
  constructor(fenceRetention: number) {
    this.#fenceRetention = fenceRetention;
  }

  /** `isSharded`: on a Redis Cluster, inboxes name the hash tag of their key. */
  encode(batch: readonly Operation[], form: Form, isSharded: boolean): ScriptInput {
    const kind = typeof form === 'number' ? 'release' : form;
    const last = this.#last.get(kind);
    if (last && last.form === form && last.isSharded === isSharded && isSame(last.batch, batch))
      return last.input;
    const input = this.#encode(batch, form, isSharded);
    this.#last.set(kind, { batch, form, isSharded, input });
    return input;
  }

  #encode(batch: readonly Operation[], form: Form, isSharded: boolean): ScriptInput {
    if (form === 'general') return general(batch, this.#fenceRetention, isSharded);
    if (typeof form === 'number') return releases(batch, form);
    return grants(batch, form, this.#fenceRetention);
  }
}

function isSame(some: readonly Operation[], others: readonly Operation[]): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) if (some[i]?.request !== others[i]?.request) return false;
  return true;
}

function grants(batch: readonly Operation[], form: 'fenced' | 'plain', fenceRetention: number): ScriptInput {
  const keys: string[] = [];
  const args: (string | number)[] = [form, fenceRetention];
  for (const { firstKey, request, fence } of batch) {
    const { ownerToken, ttl } = request as GrantRequest;
    keys.push(firstKey);
    args.push(ownerToken, ttl);
    if (fence === undefined) continue;
    keys.push(counterOf(firstKey));
    args.push(fence + 1);
  }
  return new ScriptInput(keys, args);
}

function releases(batch: readonly Operation[], reservation: number): ScriptInput {
  const keys: string[] = [];
  const args: (string | number)[] = ['release', reservation];
  for (const { firstKey, request } of batch) {
    keys.push(firstKey);
    args.push(request.ownerToken);
  }
  return new ScriptInput(keys, args);
}

function general(batch: readonly Operation[], fenceRetention: number, isSharded: boolean): ScriptInput {
  const keys: string[] = [];
  const args: (string | number)[] = [fenceRetention];
  for (const operation of batch) {
    const { verb, keys: own, request, fence, waiter } = operation;
    keys.push(...own);
    if (fence !== undefined) for (const key of own) keys.push(counterOf(key));
    const wireVerb = waiter ? wireVerbOf(operation) : verb;
    args.push(wireVerb, own.length, request.ownerToken, timeOf(operation), numberOf(operation));
    if (!waiter) continue;
    args.push(inboxOf(waiter.name, isSharded ? waiter.key : undefined));
    if (wireVerb !== 'leave') args.push(waiter.since, own.indexOf(waiter.key) + 1);
    if (wireVerb === 'stand') args.push(Math.max(1, (request as GrantRequest).reservation ?? 1));
  }
  return new ScriptInput(keys, args);
}

/** The script's verb for what a waiter asks. */
function wireVerbOf({ verb, afterwards }: Operation): 'stand' | 'leave' | 'yield' {
  if (verb === 'grant') return 'stand';
  return afterwards === 'yield' ? 'yield' : 'leave';
}

/** A ttl, or for how long a release reserves keys: at least 1 ms, as to the script 0 says that nobody is served. */
function timeOf({ verb, request, afterwards }: Operation): number {
  if (verb !== 'release') return 'ttl' in request ? request.ttl : 0;
  return afterwards === 'hand over' ? 0 : Math.max(1, (request as ReleaseRequest).reservation);
}

/** The number that counters are raised to: by a grant, above `fence`. */
function numberOf({ verb, fence }: Operation): number | '' {
  if (fence === undefined) return '';
  return verb === 'grant' ? fence + 1 : fence;
}
