import { describe, expect, test } from 'vitest';
import { madeUpReport } from './made-up.ts';
import { tracksOf } from './page/tracks.ts';
import type { ClientLane } from './report.ts';

const report = madeUpReport({ seed: 1, spans: 400, duration: 20_000, clients: 12, violations: 0 });

describe('tracks', () => {
  test('are below each other: faults, nodes, clients', () => {
    const { tracks, height } = tracksOf(report, 1000);
    expect([...new Set(tracks.map(({ kind }) => kind))]).toEqual(['faults', 'node', 'client']);
    let bottom = 0;
    for (const track of tracks) {
      expect(track.top).toBeGreaterThanOrEqual(bottom);
      expect(track.height).toBeGreaterThanOrEqual(track.rows.length * track.pitch);
      bottom = track.top + track.height;
    }
    expect(bottom).toBe(height);
  });

  test('have rows as high as there is room for', () => {
    const heights = [2000, 700, 300].map((available) => tracksOf(report, available).height);
    expect(heights).toEqual([...heights].sort((a, b) => b - a));
    expect(new Set(heights).size).toBe(3);
    expect(heights[1]).toBeLessThanOrEqual(700);
  });

  test('have what befell a process above what it did', () => {
    const client: ClientLane = {
      name: 'client',
      spans: [
        { state: 'holding', from: 0, to: 10, details: [] },
        { state: 'waiting', from: 5, to: 9, details: [] },
        { state: 'stopped', from: 6, to: 20, details: [] },
        { state: 'dead', from: 30, to: 40, details: [] },
      ],
    };
    const { tracks } = tracksOf({ ...report, nodes: [], faults: [], clients: [client] }, 1000);
    expect(tracks[0]?.rows.map((row) => row.map(({ state }) => state))).toEqual([
      ['stopped', 'dead'],
      ['holding'],
      ['waiting'],
    ]);
  });

  test('have a lane also for whom nothing is known of', () => {
    const { tracks } = tracksOf(
      { ...report, faults: [], nodes: [{ name: 'node', spans: [] }], clients: [] },
      1000,
    );
    expect(tracks).toMatchObject([{ kind: 'node', name: 'node', rows: [[]] }]);
    expect(tracks[0]?.height).toBeGreaterThan(10);
  });
});
