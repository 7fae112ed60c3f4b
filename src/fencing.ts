export {
  FencingError,
  type FencingErrorCode,
  FencingMarkError,
  StaleFencingTokenError,
} from './fencing/errors.ts';
export { Fence } from './fencing/fence.ts';
export {
  type FencedRedis,
  type FencedSetOptions,
  fencedCheck,
  fencedDelete,
  fencedSet,
} from './fencing/fenced-redis.ts';
