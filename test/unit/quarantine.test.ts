import { describe, expect, it } from 'vitest';
import {
  type Evidence,
  guardFor,
  Quarantine,
  quarantineOf,
  type Verdict,
} from '../../src/node/redis/quarantine.ts';
import { parseInfo } from '../../src/node/redis/server-info.ts';
import { infoOf } from '../support/fake-connection.ts';

const LENGTH = 60_000;
const ADMITTED: Verdict = { until: Number.NEGATIVE_INFINITY, replaced: false, blank: false };

interface Seen {
  readonly runId?: string;
  readonly replid?: string;
  /** In s. */
  readonly uptime?: number;
  readonly promoted?: boolean;
  readonly gate?: boolean;
}

function evidence({ runId = 'a', replid = 'x', uptime = 0, promoted = false, gate = false }: Seen): Evidence {
  const info = infoOf({
    run_id: runId,
    master_replid: replid,
    uptime_in_seconds: String(uptime),
    second_repl_offset: promoted ? '500' : '-1',
  });
  return { server: parseInfo(info), hasGate: gate };
}

/** What is thought of a server that is the first to be seen, at 1 s on the clock. */
function first(seen: Seen): Verdict {
  return new Quarantine(LENGTH).judge(evidence(seen), 1_000);
}

const OLD = { uptime: 1_000_000 };

/** What is thought of a server that is found at 20 s, after an old one to which the connection was lost at 10 s. */
function second(seen: Seen, before: Seen = OLD): Verdict {
  const quarantine = new Quarantine(LENGTH);
  quarantine.judge(evidence(before), 1_000);
  quarantine.parted(10_000);
  return quarantine.judge(evidence(seen), 20_000);
}

describe('how long a quarantine takes', () => {
  it.each([
    [30_000, 0.01, 31_300],
    [60_000, 0.01, 61_600],
    [10_000, 0, 11_000],
    [1, 0.5, 1_001.5],
  ])(
    'is as long as a lock of %d ms may live by a clock that is off by %d, and a second: %d',
    (maxTtl, drift, ms) => {
      expect(quarantineOf(maxTtl, drift)).toBe(ms);
    },
  );
});

describe('the guard', () => {
  it.each([
    [1, 'auto', 'off'],
    [1, 'strict', 'strict'],
    [1, 'off', 'off'],
    [2, 'auto', 'auto'],
    [3, 'auto', 'auto'],
    [3, 'strict', 'strict'],
    [3, 'off', 'off'],
  ] as const)('of %d nodes with %j is %j', (nodes, option, guard) => {
    expect(guardFor(nodes, option)).toBe(guard);
  });
});

describe('the first server that is seen', () => {
  it('is admitted if it has been running for as long as a quarantine takes', () => {
    expect(first({ uptime: 60 })).toEqual(ADMITTED);
  });

  it('is in quarantine for the rest of its time otherwise', () => {
    expect(first({ uptime: 59 })).toEqual({ until: 2_000, replaced: false, blank: true });
    expect(first({ uptime: 0 })).toEqual({ until: 61_000, replaced: false, blank: true });
  });

  it('is admitted however young it is if somebody has admitted it', () => {
    expect(first({ uptime: 0, gate: true })).toEqual(ADMITTED);
  });

  it('is in quarantine for its whole time if it was promoted, however old it is', () => {
    expect(first({ ...OLD, promoted: true })).toEqual({ until: 61_000, replaced: true, blank: false });
    expect(first({ uptime: 3, promoted: true })).toEqual({ until: 61_000, replaced: true, blank: false });
  });

  it('is admitted though it was promoted if somebody has admitted it since', () => {
    expect(first({ uptime: 3, promoted: true, gate: true })).toEqual(ADMITTED);
  });
});

describe('a server that is seen again', () => {
  it('is in quarantine until the same instant', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence({ uptime: 10 }), 1_000);
    quarantine.parted(2_000);
    expect(quarantine.judge(evidence({ uptime: 12 }), 3_500).until).toBe(51_000);
  });

  it('is admitted at that instant, not earlier', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence({ uptime: 10 }), 1_000);
    expect(quarantine.judge(evidence({ uptime: 59 }), 50_999)).toMatchObject({ until: 51_000, blank: true });
    expect(quarantine.judge(evidence({ uptime: 60 }), 51_000)).toEqual(ADMITTED);
  });

  it('is admitted as soon as somebody has admitted it', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence({ uptime: 10 }), 1_000);
    expect(quarantine.judge(evidence({ uptime: 11, gate: true }), 2_000)).toEqual(ADMITTED);
  });

  it('is no longer admitted by others only once it has lost its scripts, if it is young', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence({ uptime: 10, gate: true }), 1_000);
    quarantine.parted(2_000);
    const verdict = { until: 51_000, replaced: false, blank: true };
    expect(quarantine.judge(evidence({ uptime: 12 }), 3_000)).toEqual(verdict);
  });
});

describe('another server in the place of one that was seen', () => {
  it('is in quarantine for its whole time if it was running already while the other was there', () => {
    expect(second({ runId: 'b', ...OLD })).toEqual({ until: 80_000, replaced: true, blank: false });
    expect(second({ runId: 'b', uptime: 12 })).toEqual({ until: 80_000, replaced: true, blank: false });
  });

  it('is so though somebody has admitted it, who may not know of the other', () => {
    expect(second({ runId: 'b', uptime: 12, gate: true })).toMatchObject({ until: 80_000, replaced: true });
  });

  it('is taken for the same one, restarted, if it can have started since', () => {
    expect(second({ runId: 'b', uptime: 0 })).toEqual({ until: 80_000, replaced: false, blank: true });
    expect(second({ runId: 'b', uptime: 10 })).toEqual({ until: 70_000, replaced: false, blank: true });
    // It says up to a second more than it has been running.
    expect(second({ runId: 'b', uptime: 11 })).toEqual({ until: 69_000, replaced: false, blank: true });
  });

  it('that can have started since is admitted if somebody has admitted it', () => {
    expect(second({ runId: 'b', uptime: 10, gate: true })).toEqual(ADMITTED);
  });

  it('is known also while no connection was seen to break', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence(OLD), 1_000);
    const { replaced } = quarantine.judge(evidence({ runId: 'b', uptime: 5 }), 2_000);
    expect(replaced).toBe(true);
  });

  it('is admitted when its time is over', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence(OLD), 1_000);
    quarantine.judge(evidence({ runId: 'b', ...OLD }), 2_000);
    expect(quarantine.judge(evidence({ runId: 'b', ...OLD }), 61_999)).toMatchObject({ replaced: true });
    expect(quarantine.judge(evidence({ runId: 'b', ...OLD }), 62_000)).toEqual(ADMITTED);
  });

  it('stays in quarantine over a reconnection', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence(OLD), 1_000);
    quarantine.judge(evidence({ runId: 'b', ...OLD }), 2_000);
    quarantine.parted(3_000);
    const again = quarantine.judge(evidence({ runId: 'b', gate: true, ...OLD }), 4_000);
    expect(again).toEqual({ until: 62_000, replaced: true, blank: false });
  });

  it('makes the first one another when that comes back', () => {
    const quarantine = new Quarantine(LENGTH);
    quarantine.judge(evidence(OLD), 1_000);
    quarantine.judge(evidence({ runId: 'b', ...OLD }), 2_000);
    const back = quarantine.judge(evidence(OLD), 3_000);
    expect(back).toEqual({ until: 63_000, replaced: true, blank: false });
  });
});

describe('a server that was a replica for a while', () => {
  it('is in quarantine for its whole time, because it has other locks now', () => {
    const verdict = second({ ...OLD, replid: 'y', promoted: true });
    expect(verdict).toEqual({ until: 80_000, replaced: true, blank: false });
  });

  it('is admitted if somebody has admitted it since', () => {
    expect(second({ ...OLD, replid: 'y', promoted: true, gate: true })).toEqual(ADMITTED);
  });
});
