/** An owner token of quorlock's form that says who drew it: `c`, the number of the client, `c`, and how many it had drawn. */
export function tokenOf(client: number, serial: number): string {
  const whose = `c${client}c`;
  return whose + String(serial).padStart(40 - whose.length, '0');
}

/** Who drew a token, or a name that was drawn like one; -1 if nobody did. */
export function drawerOf(token: string): number {
  const [, client] = /^c(\d+)c/.exec(token) ?? [];
  return client === undefined ? -1 : Number(client);
}
