import { describeConformance } from '../support/conformance.ts';
import { sentinel } from '../support/conformance-backends.ts';
import { describeCounterConformance } from '../support/conformance-counters.ts';
import { describeFencingConformance } from '../support/conformance-fencing.ts';
import { describeRedisConformance } from '../support/conformance-redis.ts';
import { describeRevokingConformance } from '../support/conformance-revoking.ts';
import { describeWaitingConformance } from '../support/conformance-waiting.ts';
import { enforceNoLeaks } from '../support/leaks.ts';

enforceNoLeaks();

describeConformance('a master behind a Sentinel', sentinel);
describeRevokingConformance('a master behind a Sentinel', sentinel);
describeFencingConformance('a master behind a Sentinel', sentinel);
describeCounterConformance('a master behind a Sentinel', sentinel);
describeRedisConformance('a master behind a Sentinel', sentinel);
describeWaitingConformance('a master behind a Sentinel', sentinel);
