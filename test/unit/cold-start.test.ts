import { describe, expect, it } from 'vitest';
import { ColdStart, type Member, type View } from '../../src/node/redis/cold-start.ts';
import { peek, turn } from '../support/peek.ts';

/** A node that tells what it finds when it is probed. */
class FakeMember implements Member {
  readonly name: string;
  probes = 0;
  admissions = 0;
  blank: boolean | Promise<boolean> | Error = true;
  onAdmit: () => void = () => {};

  constructor(name: string) {
    this.name = name;
  }

  async probe(): Promise<boolean> {
    // A start that tries again and again leaves the event loop no turn, and the test no end.
    if (++this.probes > 100) return new Promise(() => {});
    if (this.blank instanceof Error) throw this.blank;
    return this.blank;
  }

  async admit(): Promise<void> {
    this.admissions++;
    this.onAdmit();
  }
}

function start(n: number, isPossible = true) {
  const coldStart = new ColdStart(isPossible);
  const members = Array.from({ length: n }, (_, index) => new FakeMember(`node ${index}`));
  for (const member of members) coldStart.join(member);
  return {
    coldStart,
    members,
    /** What the nodes have found, one after the other. */
    report: async (...views: View[]): Promise<void> => {
      views.forEach((view, i) => coldStart.report(members[i] as FakeMember, view));
      await turn();
    },
    admissions: (): number[] => members.map((member) => member.admissions),
    probes: (): number[] => members.map((member) => member.probes),
  };
}

describe('the nodes that keep others from being new', () => {
  it('are all that are not blank, while no node remembers', async () => {
    const { report, coldStart } = start(4);
    expect(coldStart.awaited).toEqual(['node 0', 'node 1', 'node 2', 'node 3']);
    await report('blank', 'other', 'blank');
    expect(coldStart.awaited).toEqual(['node 1', 'node 3']);
    await report('blank', 'other', 'admitted');
    expect(coldStart.awaited).toBeUndefined();
  });

  it('are none where such a start is not to be recognised', () => {
    expect(start(3, false).coldStart.awaited).toBeUndefined();
  });
});

describe('nodes that are all found blank', () => {
  it.each([1, 3, 4])('twice are admitted, all %d of them', async (n) => {
    const { report, admissions, probes } = start(n);
    await report(...new Array<View>(n).fill('blank'));
    expect(probes()).toEqual(new Array(n).fill(1));
    expect(admissions()).toEqual(new Array(n).fill(1));
  });

  it('are not admitted if one is not when it is looked at again', async () => {
    const { report, admissions, members } = start(3);
    (members[1] as FakeMember).blank = false;
    await report('blank', 'blank', 'blank');
    expect(admissions()).toEqual([0, 0, 0]);
  });

  it.each([false, new Error('gone')])(
    'are looked at again only when one has something new to say (%s)',
    async (blank) => {
      const { report, probes, members, coldStart } = start(3);
      const [first] = members as [FakeMember];
      first.blank = blank;
      await report('blank', 'blank', 'blank');
      expect(probes()).toEqual([1, 1, 1]);
      expect(await peek(coldStart.settled())).toMatchObject({ status: 'fulfilled' });
      first.blank = true;
      await report('blank');
      expect(probes()).toEqual([2, 2, 2]);
    },
  );

  it('are not admitted if one cannot be looked at again', async () => {
    const { report, admissions, members } = start(3);
    (members[1] as FakeMember).blank = new Error('gone');
    await report('blank', 'blank', 'blank');
    expect(admissions()).toEqual([0, 0, 0]);
  });

  it('are not admitted if one is found to remember while they are looked at again', async () => {
    const { report, admissions, members, coldStart } = start(3);
    const [first, second] = members as [FakeMember, FakeMember];
    let tell!: (blank: boolean) => void;
    first.blank = new Promise((resolve) => {
      tell = resolve;
    });
    await report('blank', 'blank', 'blank');
    coldStart.report(second, 'admitted young');
    tell(true);
    await turn();
    expect(admissions()).toEqual([0, 0, 0]);
  });

  it('are looked at twice anew if one was lost meanwhile, also if what is there now is blank too', async () => {
    const { report, admissions, probes, members, coldStart } = start(3);
    const [first, second] = members as [FakeMember, FakeMember];
    let tell!: (blank: boolean) => void;
    first.blank = new Promise((resolve) => {
      tell = resolve;
    });
    await report('blank', 'blank', 'blank');
    coldStart.report(second, 'other');
    coldStart.report(second, 'blank');
    first.blank = true;
    tell(true);
    await turn();
    expect(probes()).toEqual([2, 2, 2]);
    expect(admissions()).toEqual([1, 1, 1]);
  });

  it('are looked at again once at a time', async () => {
    const { report, probes, members } = start(3);
    (members[0] as FakeMember).blank = new Promise(() => {});
    await report('blank', 'blank', 'blank');
    await report('blank', 'blank', 'blank');
    expect(probes()).toEqual([1, 1, 1]);
  });

  it('are admitted by a later try when the first failed', async () => {
    const { report, admissions, members } = start(3);
    const last = members[2] as FakeMember;
    last.blank = false;
    await report('blank', 'blank', 'other');
    last.blank = true;
    await report('blank', 'blank', 'blank');
    expect(admissions()).toEqual([1, 1, 1]);
  });

  it('are admitted once', async () => {
    const { report, admissions } = start(3);
    await report('blank', 'blank', 'blank');
    await report('blank', 'blank', 'blank');
    expect(admissions()).toEqual([1, 1, 1]);
  });
});

describe('nodes that are not all blank', () => {
  it.each<[string, View[]]>([
    ['one has been admitted', ['blank', 'admitted', 'blank']],
    ['one is young and has been admitted', ['blank', 'blank', 'admitted young']],
    ['one is down or unfit', ['other', 'blank', 'blank']],
    ['one has not been heard of', ['blank', 'blank']],
  ])('are not looked at again, since %s', async (_why, views) => {
    const { report, probes } = start(3);
    await report(...views);
    expect(probes()).toEqual([0, 0, 0]);
  });

  it('may be so later, when the last has been heard of', async () => {
    const { report, admissions, coldStart, members } = start(3);
    await report('blank', 'blank');
    coldStart.report(members[2] as FakeMember, 'blank');
    await turn();
    expect(admissions()).toEqual([1, 1, 1]);
  });

  it('may be so later, when the one that was down is back', async () => {
    const { report, admissions } = start(3);
    await report('blank', 'other', 'blank');
    await report('blank', 'blank', 'blank');
    expect(admissions()).toEqual([1, 1, 1]);
  });

  it.each<View>(['admitted', 'admitted young'])(
    'have forgotten when they are so after one was %s',
    async (view) => {
      const { report, probes } = start(3);
      await report('other', 'other', view);
      await report('blank', 'blank', 'blank');
      expect(probes()).toEqual([0, 0, 0]);
    },
  );
});

describe('a start that is not to be recognised', () => {
  it('is none, whatever the nodes are', async () => {
    const { report, probes } = start(3, false);
    await report('blank', 'blank', 'blank');
    expect(probes()).toEqual([0, 0, 0]);
  });

  it('is waited for by nobody', async () => {
    const { coldStart } = start(3, false);
    expect(await peek(coldStart.settled())).toMatchObject({ status: 'fulfilled' });
  });
});

describe('who waits for what becomes of the start', () => {
  it('waits while all that is known is blank', async () => {
    const { coldStart, report } = start(3);
    await report('blank', 'blank');
    const settled = coldStart.settled();
    expect(await peek(settled)).toBe('pending');
    await report('blank', 'blank', 'other');
    expect(await peek(settled)).toMatchObject({ status: 'fulfilled' });
  });

  it('waits until all have been admitted', async () => {
    const { coldStart, report, members, admissions } = start(3);
    const [first] = members as [FakeMember];
    let tell!: (blank: boolean) => void;
    first.blank = new Promise((resolve) => {
      tell = resolve;
    });
    await report('blank', 'blank', 'blank');
    const settled = coldStart.settled();
    expect(await peek(settled)).toBe('pending');
    tell(true);
    expect(await peek(settled)).toMatchObject({ status: 'fulfilled' });
    expect(admissions()).toEqual([1, 1, 1]);
  });

  it('waits no longer once one remembers', async () => {
    const { coldStart, report } = start(3);
    const settled = coldStart.settled();
    await report('admitted');
    expect(await peek(settled)).toMatchObject({ status: 'fulfilled' });
  });
});

describe('somebody else may be admitting new nodes', () => {
  it.each<[View[], boolean]>([
    [['blank', 'admitted young', 'blank'], true],
    [['blank', 'admitted young'], true],
    [['admitted young', 'admitted young', 'admitted young'], true],
    [['blank', 'admitted', 'blank'], false],
    [['blank', 'admitted young', 'other'], false],
    [['blank', 'blank'], false],
    [[], false],
  ])('when they have found %j: %s', async (views, expected) => {
    const { coldStart, report, members } = start(3);
    // All of them blank would be a start, which is under way itself.
    for (const member of members) member.blank = new Promise(() => {});
    await report(...views);
    expect(coldStart.isUnderWay).toBe(expected);
  });
});
