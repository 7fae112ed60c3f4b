/**
 * An owner token of quorlock's form that says who drew it: `c`, the number of the client, `c`, and how many it had drawn. All of that is in its
 * first 16 digits, by which denials name owners.
 */
export function tokenOf(client: number, serial: number): string {
  const whose = `c${client}c`;
  return (whose + String(serial).padStart(16 - whose.length, '0')).padEnd(40, '0');
}

/** Who drew a token, or a name that was drawn like one; -1 if nobody did. */
export function drawerOf(token: string): number {
  const [, client] = /^c(\d+)c/.exec(token) ?? [];
  return client === undefined ? -1 : Number(client);
}
