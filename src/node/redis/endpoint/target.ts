import { wrong } from '../../../bad-input.ts';
import type { Target } from '../locate.ts';
import type { CustomLookup, LookupSettings, NatMap } from './place.ts';

/** The address among the options of a client. */
export interface AddressOptions {
  readonly host?: unknown;
  readonly port?: unknown;
  readonly path?: unknown;
}

/**
 * @param what - the object in which the address stands, for messages
 * @param defaults - what the client takes for what is missing
 * @throws {TypeError} for an address that is none; never shows a credential.
 */
export function targetOf(
  { host, port, path }: AddressOptions,
  what: string,
  defaults: { host: string; port: number },
): Target {
  if (path !== undefined && path !== null && path !== '') {
    if (typeof path !== 'string') throw wrong(TypeError, `${what}: path`, path, 'a string');
    return { path };
  }
  return { host: hostOf(host ?? defaults.host, what), port: portOf(port ?? defaults.port, what) };
}

function hostOf(host: unknown, what: string): string {
  // A URL here may hold a password, and would become part of the node's name.
  if (typeof host !== 'string' || host === '' || /[/@\s]/.test(host))
    throw new TypeError(
      `${what}: host must be the name or the IP address of a host; to give a URL, give it in place of the object`,
    );
  return host.replace(/^\[(.*)\]$/, '$1');
}

function portOf(port: unknown, what: string): number {
  const number = typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65_535)
    throw wrong(
      TypeError,
      `${what}: port`,
      typeof port === 'string' ? '***' : port,
      'a whole number from 1 to 65535',
    );
  return number;
}

/**
 * Of ioredis' `natMap` and of node-redis' `nodeAddressMap`: an object by `host:port`, or a function of it. The map is used while a
 * connection is made, where nobody could catch an error: what is not an address counts as none.
 */
export function natMapOf(map: unknown): NatMap {
  return (host, port) => {
    try {
      const key = `${host}:${port}`;
      const to: unknown = typeof map === 'function' ? map(key) : (map as Record<string, unknown>)[key];
      return targetOf(to as AddressOptions, 'the address map', { host, port });
    } catch {
      return undefined;
    }
  };
}

/** ioredis and Node take 4 and 6, and some users write them as strings. */
export function lookupOf(family: unknown, lookup?: CustomLookup): LookupSettings {
  const number = Number(family);
  return { family: number === 4 || number === 6 ? number : 0, ...(lookup ? { lookup } : {}) };
}
