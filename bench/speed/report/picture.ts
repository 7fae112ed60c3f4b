import { figure, type Outcome } from '../../support/outcome.ts';
import { OWN, PEERS, RAW } from '../contestants/contestants.ts';

const PANELS = [
  {
    title: 'One at a time: median time of an acquire and its release, in ms (less is better)',
    inFlight: 1,
    key: 'p50',
    text: (value: number) => value.toFixed(2),
    order: (a: number, b: number) => a - b,
  },
  {
    title: '64 at a time: acquires and releases per second (more is better)',
    inFlight: 64,
    key: 'perSecond',
    text: (value: number) => Math.round(value).toLocaleString('en'),
    order: (a: number, b: number) => b - a,
  },
];
const NAMES = [...Object.keys(OWN), ...Object.keys(PEERS), RAW];
const CALLED: Readonly<Record<string, string>> = { [RAW]: 'raw commands, no library' };

const WIDTH = 700;
/** Where bars begin, and how long the longest one is; its value stands to the right of it. */
const ZERO = 215;
const LONGEST = 405;
const ROW = 25;
const BAR = 17;
const HEAD = 44;
const MARGIN = 14;

/** A background of its own, because a page can be dark where the system is light. */
const STYLE = `
  rect.page { fill: #ffffff } rect.own { fill: #0072b2 } rect.peer { fill: #a3acb5 } rect.raw { fill: #d8dde2 }
  text { font: 14px sans-serif; fill: #1f2328 } text.own, text.title { font-weight: bold }
  @media (prefers-color-scheme: dark) {
    rect.page { fill: #0d1117 } rect.own { fill: #56b4e9 } rect.peer { fill: #6e7681 } rect.raw { fill: #3d444d }
    text { fill: #e6edf3 }
  }`;

/** The two figures that most people want, of quorlock beside the others, as SVG. `outcomes`: by what is in flight. */
export function picture(outcomes: Readonly<Record<string, Outcome>>): string {
  let top = MARGIN;
  const panels = PANELS.map(({ title, inFlight, key, text, order }) => {
    const bars = NAMES.map((name) => ({ name, value: figure(outcomes[inFlight], name, key) }))
      .filter(({ value }) => !Number.isNaN(value))
      .sort((a, b) => order(a.value, b.value));
    const most = Math.max(...bars.map(({ value }) => value));
    const head = `<text class="title" x="${MARGIN}" y="${top + 20}">${title}</text>`;
    const rows = bars.map(({ name, value }, i) =>
      row(name, text(value), (LONGEST * value) / most, top + HEAD + ROW * i),
    );
    top += HEAD + ROW * bars.length + MARGIN;
    return [head, ...rows].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" role="img">
<title>How fast quorlock is beside other libraries</title>
<style>${STYLE}
</style>
<rect class="page" width="${WIDTH}" height="${top}" rx="6"/>
${panels.join('\n')}
</svg>
`;
}

function row(name: string, text: string, length: number, y: number): string {
  const kind = name in OWN ? 'own' : name === RAW ? 'raw' : 'peer';
  const middle = y + BAR / 2 + 5;
  return `<text class="${kind}" x="${ZERO - 8}" y="${middle}" text-anchor="end">${CALLED[name] ?? name}</text>
<rect class="${kind}" x="${ZERO}" y="${y}" width="${length.toFixed(1)}" height="${BAR}"/>
<text class="${kind}" x="${(ZERO + length + 6).toFixed(1)}" y="${middle}">${text}</text>`;
}
