// By its default: older releases of ioredis 5 have no export of this name that an ES module could import.
import ioredis, { type Redis, type RedisOptions } from 'ioredis';

/** The class of clients of the copy of ioredis that this package finds; an instance that is handed in may be of another. */
export const OwnRedis = ioredis.default as new (options: RedisOptions) => Redis;
