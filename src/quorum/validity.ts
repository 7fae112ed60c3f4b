/**
 * What is subtracted from a ttl because clocks differ, in ms: `ceil(ttl × driftFactor) + 2`. The factor covers
 * clocks of different rates, the 2 ms the resolution of an expiry on the server and of the local clock.
 *
 * @see https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/ ("Is the Algorithm Asynchronous?")
 */
export function driftOf(ttl: number, driftFactor: number): number {
  return Math.ceil(ttl * driftFactor) + 2;
}

/**
 * The instant until which a holder may act, when `t0` was read before the first byte of the winning round
 * left: no node started to count down its ttl earlier than that. `lockDelay`: for how long the nodes keep the keys after that, in ms.
 */
export function validUntil(t0: number, ttl: number, driftFactor: number, lockDelay = 0): number {
  return t0 + ttl - driftOf(ttl, driftFactor) - lockDelay;
}

/** Two thirds of the validity of a fresh grant: once less than that remains, automatic extension starts. */
export function extensionReserve(ttl: number, driftFactor: number, lockDelay = 0): number {
  return ((ttl - driftOf(ttl, driftFactor) - lockDelay) * 2) / 3;
}

/** No lock is extended automatically more often than this, in ms. */
export const SHORTEST_EXTENSION_INTERVAL = 5;

/** The shortest time between two automatic extensions of a lock while no node comes back, in ms: a failing node must not become a hot loop. */
export function extensionInterval(ttl: number, lockDelay = 0): number {
  return Math.max(SHORTEST_EXTENSION_INTERVAL, (ttl - lockDelay) / 10);
}
