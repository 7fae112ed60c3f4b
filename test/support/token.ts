/** An owner token of quorlock's form that says who drew it: `c`, the number of the client, `c`, and how many it had drawn. */
export function tokenOf(client: number, serial: number): string {
  const whose = `c${client}c`;
  return whose + String(serial).padStart(40 - whose.length, '0');
}
