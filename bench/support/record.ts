/** What `make` makes of each key, by the key. */
export function record<K extends string | number, V>(
  keys: readonly K[],
  make: (key: K) => V,
): Record<string, V> {
  return Object.fromEntries(keys.map((key) => [String(key), make(key)]));
}
