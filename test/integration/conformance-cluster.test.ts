import { afterAll, beforeAll } from 'vitest';
import { type Backend, describeConformance } from '../support/conformance.ts';
import { cluster } from '../support/conformance-backends.ts';
import { describeCounterConformance } from '../support/conformance-counters.ts';
import { describeFencingConformance } from '../support/conformance-fencing.ts';
import { describeLineConformance } from '../support/conformance-line.ts';
import { describeLineKeepingConformance } from '../support/conformance-line-redis.ts';
import { describeRedisConformance } from '../support/conformance-redis.ts';
import { describeRevokingConformance } from '../support/conformance-revoking.ts';
import { describeWaitingConformance } from '../support/conformance-waiting.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, LEAST_CLUSTER_ACL, WAITING_ACL } from '../support/least-acl.ts';

enforceNoLeaks();

// It takes 2 s to start.
let shared: Backend;
beforeAll(async () => {
  shared = await cluster();
});
afterAll(() => shared.stop());
const sharedCluster = async (): Promise<Backend> => ({ ...shared, stop: async () => {} });

describeConformance('a Redis Cluster', sharedCluster);
describeRevokingConformance('a Redis Cluster', sharedCluster);
describeFencingConformance('a Redis Cluster', sharedCluster);
describeCounterConformance('a Redis Cluster', sharedCluster);
describeWaitingConformance('a Redis Cluster', sharedCluster);
describeLineConformance('a Redis Cluster', sharedCluster);
describeLineKeepingConformance('a Redis Cluster', sharedCluster);

const user = {
  username: 'quorlock',
  password: 'sésame/?#',
  rules: ['~lock:*', ...LEAST_ACL, ...LEAST_CLUSTER_ACL],
};
describeRedisConformance('a Redis Cluster with the least rights', () => cluster(user));
describeWaitingConformance('a Redis Cluster with the least rights', () =>
  cluster({ ...user, rules: [...user.rules, ...WAITING_ACL] }),
);
