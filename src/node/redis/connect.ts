import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import { cleanError } from './clean-error.ts';
import { ClusterConnection } from './cluster-connection.ts';
import type { Endpoint } from './endpoint.ts';
import type { Locate, Target } from './locate.ts';
import { locateTarget, processNames } from './names.ts';
import type { RedisConnection } from './redis-connection.ts';
import { locateBySentinel } from './sentinels.ts';
import { SingleConnection } from './single-connection.ts';

export interface ConnectPlan {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly random: Random;
  readonly connectTimeout: number;
  readonly patience: number;
}

/** The connection to a node, not open yet. */
export function createConnection({ endpoint, ...settings }: ConnectPlan): RedisConnection {
  const { name, place, openLink, lookup, credentials } = endpoint;
  const clean = (error: Error): Error => cleanError(error, credentials);
  const locate = (target: Target): Locate => locateTarget(target, processNames, lookup);
  const plan = { ...settings, name, openLink, clean };
  switch (place.kind) {
    case 'server':
      return new SingleConnection({ ...plan, locate: locate(place.at), bySentinel: false });
    case 'sentinel':
      return new SingleConnection({
        ...plan,
        locate: locateBySentinel({ ...place, locate, clean, clock: settings.clock }),
        bySentinel: true,
      });
    case 'cluster':
      return new ClusterConnection({ ...plan, ...place, locate });
  }
}
