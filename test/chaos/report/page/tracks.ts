import type { ClientLane, FaultMark, NodeLane, Report, Span } from '../report.ts';
import type { State } from './palette.ts';
import { stacked } from './stacking.ts';

/** A lane, or the faults or violations above all lanes, and where it is drawn: in px from the top of the plot. */
export interface Track {
  readonly kind: 'violations' | 'faults' | 'node' | 'client';
  readonly name: string;
  /** Below each other; spans of a row do not overlap. */
  readonly rows: readonly (readonly Span<State>[])[];
  readonly top: number;
  readonly height: number;
  readonly rowHeight: number;
  /** From the top of a row to the top of the next, in px. */
  readonly pitch: number;
}

export interface Tracks {
  readonly tracks: readonly Track[];
  readonly height: number;
}

/** A label fits in it. */
const LEAST_LANE = 15;
const PAD = 3;
/** Between faults, nodes and clients. */
const SECTION_GAP = 12;
const ROW_HEIGHTS = [14, 12, 10, 8, 7, 6, 5, 4];
const MARK_HEIGHT = 16;
const NODE_HEIGHT = 18;

/** Rows of clients are as high as is possible within a height, in px; if even the lowest do not fit, it is exceeded. */
export function tracksOf(report: Report, available: number): Tracks {
  const unplaced = unplacedOf(report);
  let tracks = placed(unplaced, ROW_HEIGHTS[0] as number);
  for (const rowHeight of ROW_HEIGHTS) {
    tracks = placed(unplaced, rowHeight);
    if (tracks.height <= available) break;
  }
  return tracks;
}

type Unplaced = Pick<Track, 'kind' | 'name' | 'rows'>;

function unplacedOf({ violations, faults, nodes, clients }: Report): Unplaced[] {
  return [
    ...(violations.length > 0 ? [{ kind: 'violations' as const, name: 'violations', rows: [[]] }] : []),
    ...(faults.length > 0
      ? [{ kind: 'faults' as const, name: 'faults', rows: stacked(faults.map(spanOf)) }]
      : []),
    ...nodes.map(({ name, spans }: NodeLane) => ({
      kind: 'node' as const,
      name,
      rows: atLeastOne(stacked(spans)),
    })),
    ...clients.map((lane) => ({ kind: 'client' as const, name: lane.name, rows: rowsOf(lane) })),
  ];
}

function spanOf({ kind, lanes, from, to }: FaultMark): Span<'fault'> {
  return { state: 'fault', from, to, details: [kind, lanes.join(', ')] };
}

/** What befell the process as a whole comes first, in rows of its own. */
function rowsOf({ spans }: ClientLane): Span<State>[][] {
  const ofProcess = spans.filter(({ state }) => isOfProcess(state));
  const ofCalls = spans.filter(({ state }) => !isOfProcess(state));
  return atLeastOne([...stacked(ofProcess), ...stacked(ofCalls)]);
}

export function isOfProcess(state: State): boolean {
  return state === 'stopped' || state === 'dead';
}

function atLeastOne<Row>(rows: Row[][]): Row[][] {
  return rows.length > 0 ? rows : [[]];
}

function placed(unplaced: readonly Unplaced[], clientRow: number): Tracks {
  let top = 0;
  let previous: Track['kind'] | undefined;
  const tracks = unplaced.map(({ kind, name, rows }) => {
    if (previous && previous !== kind && kind !== 'faults') top += SECTION_GAP;
    previous = kind;
    const rowHeight =
      kind === 'client'
        ? Math.max(clientRow, Math.ceil(LEAST_LANE / rows.length) - 1)
        : kind === 'node' && rows.length === 1
          ? NODE_HEIGHT
          : MARK_HEIGHT;
    const pitch = rowHeight + 1;
    const height = rows.length * pitch - 1 + 2 * PAD;
    const track: Track = { kind, name, rows, top, height, rowHeight, pitch };
    top += height;
    return track;
  });
  return { tracks, height: top };
}

/** The top of a track's row, in px from the top of the plot. */
export function rowTop(track: Track, row: number): number {
  return track.top + PAD + row * track.pitch;
}
