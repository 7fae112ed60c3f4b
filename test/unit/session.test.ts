import { beforeEach, describe, expect, it } from 'vitest';
import { ScriptInput } from '../../src/node/redis/encode.ts';
import { Session } from '../../src/node/redis/session.ts';
import { type FakeLink, FakeLinks } from '../support/fake-link.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

const IGNORE = { connected() {}, up() {}, down() {}, message() {}, moved() {} };
const LOST = new Error('lost');

let clock: ManualClock;
let link: FakeLink;
let session: Session;
/** What was answered, in order: each reply, or the text of the error. */
let answers: unknown[];
let events: string[];

beforeEach(() => {
  clock = new ManualClock(5_000);
  answers = [];
  events = [];
  const links = new FakeLinks();
  links.open({ host: '127.0.0.1', port: 1 }, IGNORE);
  link = links.last;
  session = createSession(true);
});

function createSession(sendsCommands: boolean): Session {
  return new Session({
    name: 'a',
    clock,
    patience: 1_000,
    sendsCommands,
    clean: (error) => new Error(error.message.replace('secret', '***')),
    onFirstAnswer: () => events.push('first answer'),
    onSilence: () => events.push('silence'),
  });
}

function send(...command: string[]): void {
  session.send(command, (error, reply) => answers.push(error?.message ?? reply));
}

function answer(reply: unknown, index: number = link.sent.length - 1): void {
  link.sent[index]?.answer(reply);
}

describe('the name of a connection', () => {
  it('is sent after the first answer, once', () => {
    session.open(link);
    send('a');
    expect(link.naming).toEqual([]);
    answer('1');
    send('b');
    answer('2');
    expect(link.naming).toEqual(['CLIENT SETNAME quorlock']);
  });

  it('is not sent on a connection for subscriptions, where the server would refuse it', () => {
    session = createSession(false);
    session.open(link);
    send('a');
    answer('1');
    expect(link.naming).toEqual([]);
  });
});

describe('commands of a session', () => {
  it('leave in the order given, and get each its own answer', () => {
    session.open(link);
    send('a');
    send('b');
    answer('1', 0);
    answer(2, 1);
    expect(link.commands).toEqual(['a', 'b']);
    expect(answers).toEqual(['1', 2]);
  });

  it('wait for the socket, in order', () => {
    send('a');
    send('b');
    expect(session.isOpen).toBe(false);
    session.open(link);
    send('c');
    expect(link.commands).toEqual(['a', 'b', 'c']);
  });

  it('that wait for the socket fail if it cannot be made', async () => {
    send('a');
    session.end(LOST);
    await turn();
    expect(answers).toEqual(['lost']);
    expect(link.commands).toEqual([]);
  });

  it('that are unanswered fail once when the socket is lost, in order', () => {
    session.open(link);
    send('a');
    send('b');
    session.end(LOST);
    link.down();
    expect(answers).toEqual(['lost', 'lost']);
  });

  it('that come after the end fail, but not before the call returns', async () => {
    session.open(link);
    session.end(LOST);
    send('a');
    expect(answers).toEqual([]);
    await turn();
    expect(answers).toEqual(['lost']);
  });

  it('are free of credentials in their errors, also within a list', () => {
    session.open(link);
    send('a');
    answer(new Error('ERR secret'));
    session.send(['b'], (_, reply) => answers.push(...(reply as Error[]).map(({ message }) => message)));
    answer([new Error('ERR secret too')]);
    expect(answers).toEqual(['ERR ***', 'ERR *** too']);
  });

  it('follow ASKING when their keys are moving', () => {
    session.open(link);
    session.evalsha('sha', new ScriptInput(['k'], [1]), () => {}, true);
    expect(link.commands).toEqual(['ASKING', 'EVALSHA sha 1 k 1']);
  });
});

describe('what a server has told', () => {
  it('is first heard of with its first answer, once', () => {
    session.open(link);
    send('a');
    send('b');
    answer(new Error('ERR no'), 0);
    answer('1', 1);
    expect(events).toEqual(['first answer']);
  });

  it('is a refusal while it has answered nothing but errors; the first one counts', () => {
    session.open(link);
    send('a');
    send('b');
    answer(new Error('ERR max number of clients reached'), 0);
    answer(new Error('ERR other'), 1);
    expect(session.refusal?.message).toBe('ERR max number of clients reached');
    send('c');
    answer('1');
    expect(session.refusal).toBeUndefined();
  });

  it('is not what the client says when the socket breaks', () => {
    session.open(link);
    send('a');
    link.down(new Error('Connection is closed.'));
    expect(session.refusal).toBeUndefined();
    expect(events).toEqual([]);
    expect(session.isIdle).toBe(false);
  });

  it.each([
    ['cluster_enabled:1\r\ncluster_size:3\r\n', 3],
    ['cluster_size:0', 0],
    ['nothing', undefined],
    [7, undefined],
  ])('is how many masters its Cluster has: %j', async (text, size) => {
    session.open(link);
    const asked = session.clusterSize();
    answer(text);
    expect(await asked).toBe(size);
  });

  it('is nothing about its Cluster if the user may not ask', async () => {
    session.open(link);
    const asked = session.clusterSize();
    answer(new Error('NOPERM'));
    expect(await asked).toBeUndefined();
  });
});

describe('a silent server', () => {
  it('is noticed when its oldest command was without an answer for too long', () => {
    session.open(link);
    send('a');
    clock.advance(1_099);
    expect(events).toEqual([]);
    clock.advance(1);
    expect(events).toEqual(['silence']);
  });

  it('is not blamed for commands that wait for the socket', () => {
    send('a');
    clock.advance(10_000);
    expect(events).toEqual([]);
  });

  it('is noticed by a PING after 20 s in which nothing else was sent', () => {
    session.open(link);
    clock.advance(19_999);
    expect(link.commands).toEqual([]);
    clock.advance(1);
    expect(link.commands).toEqual(['PING']);
    clock.advance(1_100);
    expect(events).toEqual(['silence']);
  });
});

describe('an idle session', () => {
  it('sends a PING every 20 s, which may also be refused', () => {
    session.open(link);
    for (let i = 1; i <= 3; i++) {
      clock.advance(20_000);
      expect(link.commands).toHaveLength(i);
      answer(new Error('NOPERM'));
    }
    expect(events).toEqual(['first answer']);
    expect(answers).toEqual([]);
  });

  it('sends no PING while other commands are sent', () => {
    session.open(link);
    for (let i = 0; i < 10; i++) {
      clock.advance(15_000);
      send('a');
      answer('1');
    }
    expect(link.commands).not.toContain('PING');
  });

  it('keeps no timer after its end', () => {
    session.open(link);
    send('a');
    session.end(LOST);
    expect(clock.pending).toBe(0);
  });
});
