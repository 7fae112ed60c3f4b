import type { Report } from '../report.ts';
import { widthOf } from './drawing.ts';

/** In px. */
export const OVERVIEW = { top: 6, height: 42 } as const;
/** Of the strip above the overview by which the view is moved, in px. */
export const HANDLE = 7;
/** Of the lanes: above them are the overview and the axis. */
export const PLOT_TOP: number = OVERVIEW.top + HANDLE + OVERVIEW.height + 30;
/** Beside the lanes and below them, in px. */
export const MARGIN = { right: 14, bottom: 6 } as const;
const LABELS = { least: 76, most: 170 };

/** Room for the names of lanes, in px. */
export function gutterOf({ nodes, clients }: Report): number {
  const names = [...nodes, ...clients].map(({ name }) => widthOf(name, 12));
  const widest = Math.max(widthOf('violations', 12, true), ...names);
  return Math.min(LABELS.most, Math.max(LABELS.least, Math.ceil(widest) + 26));
}
