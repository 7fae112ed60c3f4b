import { describeConformance } from '../support/conformance.ts';
import { sentinel } from '../support/conformance-backends.ts';
import { describeRedisConformance } from '../support/conformance-redis.ts';
import { enforceNoLeaks } from '../support/leaks.ts';

enforceNoLeaks();

describeConformance('a master behind a Sentinel', sentinel);
describeRedisConformance('a master behind a Sentinel', sentinel);
