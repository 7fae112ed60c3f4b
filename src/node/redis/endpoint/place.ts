import type { OpenLink } from '../../../link/link.ts';
import type { Credentials } from '../clean-error.ts';
import type { Target } from '../locate.ts';
import type { UserLookup } from '../names.ts';
import type { Family } from '../system-names.ts';

/** Where a node is and how to connect to its servers, however the node was given. */
export interface Endpoint {
  /** Host and port, or what else tells the node apart; two of one name are the same node. */
  readonly name: string;
  /** What must never appear in an error. */
  readonly credentials: Credentials;
  readonly place: Place;
  /** Opens a link to one of the node's servers, with the user, password, database and TLS settings of the node. */
  readonly openLink: OpenLink;
  /** How names of hosts are looked up. */
  readonly lookup: LookupSettings;
}

export type Place =
  | { readonly kind: 'server'; readonly at: Target }
  | {
      readonly kind: 'sentinel';
      /** The name by which the Sentinels know the master. */
      readonly group: string;
      readonly sentinels: readonly Target[];
      /** Opens a link to a Sentinel, with the credentials and TLS settings of Sentinels. */
      readonly openSentinel: OpenLink;
      readonly natMap: NatMap;
    }
  | { readonly kind: 'cluster'; readonly seeds: readonly Target[]; readonly natMap: NatMap };

/** Where to connect to instead of an address that a Sentinel or a Cluster tells; undefined for the address itself. */
export type NatMap = (host: string, port: number) => Target | undefined;

export interface LookupSettings {
  /** 4 and 6 allow only such addresses. */
  readonly family: Family;
  /** The user's own way: the `dnsLookup` of an ioredis Cluster, the `socket.lookup` of node-redis. */
  readonly lookup?: CustomLookup;
}

export type CustomLookup = UserLookup;

/** The name of a node. Holds no credential as long as its targets hold none. */
export function nameOf(place: Place): string {
  switch (place.kind) {
    case 'server':
      return textOf(place.at);
    case 'sentinel':
      return `sentinel(${place.group}@${place.sentinels.map(textOf).join(',')})`;
    case 'cluster':
      return `cluster(${place.seeds.map(textOf).join(',')})`;
  }
}

function textOf(target: Target): string {
  if ('path' in target) return target.path;
  return `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}
