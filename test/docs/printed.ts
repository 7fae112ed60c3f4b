import { hostname } from 'node:os';

/** How a page, or a test, names the nodes: in the order of the node list. */
export type NodeNames = readonly RegExp[];

/** On pages: `a:6379` or `127.0.0.1:7001` is the first node, and `10.0.0.1:6379` its address. */
export const NODES_OF_PAGES: NodeNames = ['a', 'b', 'c'].map(
  (letter, index) =>
    new RegExp(`\\b(${letter}:6379|127\\.0\\.0\\.1:700${index + 1}|10\\.0\\.0\\.${index + 1}:6379)\\b`, 'g'),
);

export function nodesAt(places: readonly { readonly port: number }[]): NodeNames {
  return places.map(({ port }) => new RegExp(`\\b127\\.0\\.0\\.1:${port}\\b`, 'g'));
}

const HOST = hostname().replaceAll(/[^\w-]/g, String.raw`\$&`);

/** What varies from run to run, and what stands for it. In this order. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\r\n/g, '\n'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'INSTANT'],
  [/(\d{4}-\d\d-\d\d )?\b\d\d:\d\d:\d\d\b/g, 'TIME'],
  [/\b\d+(\.\d+)? (ms|s|min|h|d)\b( \d+ (min|h)\b)?/g, 'DURATION'],
  [/"remaining":\d+/g, '"remaining":MS'],
  [/"[0-9a-f]{16}"/g, '"ID"'],
  [/\b\d{16}\b/g, 'TOKEN'],
  // The label that commands give by default. Pages are written on a machine of the name ops-1.
  [new RegExp(String.raw`\b(ops-1|${HOST})/\d+\b`, 'g'), 'LABEL'],
  // Widths of columns.
  [/ +/g, ' '],
  [/ $/gm, ''],
];

/** Output without what varies from run to run: times, durations, ports, ids, and widths of columns. */
export function steady(output: string, nodes: NodeNames): string {
  const named = nodes.reduce((text, name, index) => text.replaceAll(name, `NODE${index + 1}`), output);
  return VARYING.reduce((text, [varying, name]) => text.replaceAll(varying, name), named).trim();
}

/** Whether output is what a page shows. An `…` there stands for anything on its line; a line of its own, for any lines. */
export function fits(output: string, page: string): boolean {
  const pattern = page
    .split('\n')
    .map((line) => (line.trim() === '…' ? '(?:.*\n)*?.*' : line.split('…').map(escaped).join('.*')))
    .join('\n');
  return new RegExp(`^${pattern}$`).test(output);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
