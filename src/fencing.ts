export {
  FencingError,
  type FencingErrorCode,
  FencingMarkError,
  StaleFencingTokenError,
} from './fencing/errors.ts';
export { Fence } from './fencing/fence.ts';
export { type FencedSetOptions, fencedCheck, fencedDelete, fencedSet } from './fencing/fenced-redis.ts';
export type { FencedRedis } from './fencing/guard-client.ts';
