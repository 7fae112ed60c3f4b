import { describeConformance } from '../support/conformance.ts';
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

describeConformance('a Redis Cluster', cluster);
describeRevokingConformance('a Redis Cluster', cluster);
describeFencingConformance('a Redis Cluster', cluster);
describeCounterConformance('a Redis Cluster', cluster);
describeWaitingConformance('a Redis Cluster', cluster);
describeLineConformance('a Redis Cluster', cluster);
describeLineKeepingConformance('a Redis Cluster', cluster);

const user = {
  username: 'quorlock',
  password: 'sésame/?#',
  rules: ['~lock:*', ...LEAST_ACL, ...LEAST_CLUSTER_ACL],
};
describeRedisConformance('a Redis Cluster with the least rights', () => cluster(user));
describeWaitingConformance('a Redis Cluster with the least rights', () =>
  cluster({ ...user, rules: [...user.rules, ...WAITING_ACL] }),
);
