import { describe, expect, it } from 'vitest';
import { Timeline } from '../support/simulation/timeline.ts';

/** Runs all that is planned; when each event ran, and its name. */
function run(timeline: Timeline): void {
  for (let event = timeline.next(); event; event = timeline.next()) event.run?.();
}

describe('the timeline', () => {
  it('goes from event to event in the order of time, ties in the order planned', () => {
    const timeline = new Timeline();
    const ran: string[] = [];
    for (const [time, name] of [
      [20, 'c'],
      [10, 'a'],
      [10, 'b'],
    ] as const) {
      timeline.at(time, () => ran.push(`${name}@${timeline.now}`));
    }
    run(timeline);
    expect(ran).toEqual(['a@10', 'b@10', 'c@20']);
  });

  it('keeps to the order planned also among very many', () => {
    const timeline = new Timeline();
    const ran: number[] = [];
    for (let i = 0; i < 1_000; i++) timeline.at(5, () => ran.push(i));
    run(timeline);
    expect(ran).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });

  it('runs what an event plans', () => {
    const timeline = new Timeline();
    const ran: number[] = [];
    const again = (): void => {
      ran.push(timeline.now);
      if (timeline.now < 30) timeline.at(timeline.now + 10, again);
    };
    timeline.at(10, again);
    run(timeline);
    expect(ran).toEqual([10, 20, 30]);
  });

  it('never goes back: what is planned for the past comes now', () => {
    const timeline = new Timeline();
    const ran: number[] = [];
    timeline.at(10, () => timeline.at(5, () => ran.push(timeline.now)));
    run(timeline);
    expect(ran).toEqual([10]);
  });

  it('has no time in which nothing happens', () => {
    const timeline = new Timeline();
    expect(timeline.next()).toBeUndefined();
    expect(timeline.now).toBe(0);
  });

  it('passes over what was cancelled', () => {
    const timeline = new Timeline();
    timeline.at(10, () => expect.unreachable()).run = undefined;
    expect(timeline.next()).toBeUndefined();
    expect(timeline.now).toBe(0);
  });

  it('puts an event off, behind those that were planned for that instant before', () => {
    const timeline = new Timeline();
    const ran: string[] = [];
    timeline.at(10, () => ran.push('put off'));
    timeline.at(20, () => ran.push('planned'));
    const first = timeline.next();
    expect(first?.time).toBe(10);
    if (first) timeline.putOff(first, 20);
    timeline.at(20, () => ran.push('planned later'));
    run(timeline);
    expect(ran).toEqual(['planned', 'put off', 'planned later']);
  });

  it('forgets an event that is cancelled after it was put off', () => {
    const timeline = new Timeline();
    const event = timeline.at(10, () => expect.unreachable());
    timeline.next();
    timeline.putOff(event, 20);
    event.run = undefined;
    expect(timeline.next()).toBeUndefined();
  });

  it('says what is still to come', () => {
    const timeline = new Timeline();
    const past = timeline.at(10, () => {});
    const cancelled = timeline.at(20, () => {});
    const coming = timeline.at(30, () => {});
    expect(timeline.next()).toBe(past);
    cancelled.run = undefined;
    expect(timeline.pending).toEqual([coming]);
  });
});
