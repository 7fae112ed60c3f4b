import { describeConformance } from '../support/conformance.ts';
import { memory, server } from '../support/conformance-backends.ts';
import { describeCounterConformance } from '../support/conformance-counters.ts';
import { describeFencingConformance } from '../support/conformance-fencing.ts';
import { describeLineConformance } from '../support/conformance-line.ts';
import { describeLineKeepingConformance } from '../support/conformance-line-redis.ts';
import { describeRedisConformance } from '../support/conformance-redis.ts';
import { describeRevokingConformance } from '../support/conformance-revoking.ts';
import { describeWaitingConformance } from '../support/conformance-waiting.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, WAITING_ACL } from '../support/least-acl.ts';

enforceNoLeaks();

describeConformance('memory', memory);
describeRevokingConformance('memory', memory);
describeFencingConformance('memory', memory);
describeWaitingConformance('memory', memory);
describeLineConformance('memory', memory);

describeConformance('a server', server);
describeRevokingConformance('a server', server);
describeRedisConformance('a server', server);
describeFencingConformance('a server', server);
describeCounterConformance('a server', server);
describeWaitingConformance('a server', server);
describeLineConformance('a server', server);
describeLineKeepingConformance('a server', server);

const user = { username: 'quorlock', password: 'sésame/?#', rules: ['~lock:*', '~{lock:*', ...LEAST_ACL] };
describeConformance('a server with the least rights', () => server(user));
describeRevokingConformance('a server with the least rights', () => server(user));
describeRedisConformance('a server with the least rights', () => server(user));
describeFencingConformance('a server with the least rights', () => server(user));
describeCounterConformance('a server with the least rights', () => server(user));
const waiting = { ...user, rules: [...user.rules, ...WAITING_ACL] };
describeWaitingConformance('a server with the least rights', () => server(waiting));
describeLineConformance('a server with the least rights', () => server(waiting));
describeLineKeepingConformance('a server with the least rights', () => server(waiting));
