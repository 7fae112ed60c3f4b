/** A key with a hash tag: its own, or one made of all of it. What is put before or behind stays in the key's hash slot. */
export function tagged(key: string): string {
  const open = key.indexOf('{');
  const isTagged = open >= 0 && key.indexOf('}', open + 1) > open + 1;
  return isTagged ? key : `{${key}}`;
}
