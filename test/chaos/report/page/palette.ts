import type { ClientState, NodeState } from '../report.ts';

export type State = NodeState | ClientState | 'fault';

export interface Palette {
  readonly states: Readonly<Record<State, string>>;
  /** Of what is written on a box of this state. */
  readonly inks: Readonly<Record<State, string>>;
  readonly violation: string;
  readonly violationInk: string;
  readonly text: string;
  readonly quiet: string;
  readonly line: string;
  readonly stripe: string;
  readonly page: string;
  readonly accent: string;
}

export const NODE_STATES: readonly NodeState[] = ['up', 'dead', 'paused', 'cut off', 'slow', 'quarantined'];
export const CLIENT_STATES: readonly ClientState[] = ['waiting', 'holding', 'lost', 'stopped', 'dead'];

/**
 * Readable for who cannot tell red from green: hues after Okabe and Ito, set apart by lightness, too. What is as it
 * should be (up, waiting) is pale, and red is for violations alone.
 */
const LIGHT: Palette = {
  states: {
    up: '#cfe5dd',
    dead: '#2f3542',
    paused: '#e69f00',
    'cut off': '#0072b2',
    slow: '#7cc4ee',
    quarantined: '#cc79a7',
    waiting: '#b9c4d0',
    holding: '#009e73',
    lost: '#7a3e9d',
    stopped: '#e69f00',
    fault: '#c8d0db',
  },
  inks: {
    up: '#2f5a4c',
    dead: '#ffffff',
    paused: '#2b1d00',
    'cut off': '#ffffff',
    slow: '#0b2f45',
    quarantined: '#33081f',
    waiting: '#243240',
    holding: '#ffffff',
    lost: '#ffffff',
    stopped: '#2b1d00',
    fault: '#1d2430',
  },
  violation: '#d8002f',
  violationInk: '#ffffff',
  text: '#1a2029',
  quiet: '#5d6878',
  line: '#dde2e8',
  stripe: '#f5f7f9',
  page: '#ffffff',
  accent: '#0b63c4',
};

const DARK: Palette = {
  states: {
    up: '#1f4036',
    dead: '#c3cad5',
    paused: '#e69f00',
    'cut off': '#2f8fd0',
    slow: '#8fd0f5',
    quarantined: '#d585b1',
    waiting: '#46525f',
    holding: '#12b688',
    lost: '#b98ae0',
    stopped: '#e69f00',
    fault: '#4a5563',
  },
  inks: {
    up: '#a5d3c3',
    dead: '#14181f',
    paused: '#201500',
    'cut off': '#ffffff',
    slow: '#0b2f45',
    quarantined: '#2a0519',
    waiting: '#dbe2ea',
    holding: '#00261b',
    lost: '#200a33',
    stopped: '#201500',
    fault: '#e4e9f0',
  },
  violation: '#ff4a5f',
  violationInk: '#2a0006',
  text: '#e6eaf0',
  quiet: '#97a3b3',
  line: '#2b323c',
  stripe: '#171c23',
  page: '#11151a',
  accent: '#69aef5',
};

export function paletteOf(scheme: 'light' | 'dark'): Palette {
  return scheme === 'dark' ? DARK : LIGHT;
}
