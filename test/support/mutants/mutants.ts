import type { Rule } from '../checker/checker.ts';
import type { Model } from '../simulation/schedules.ts';
import type { Directed } from './directed.ts';

/** One place in a source file, to be found there exactly once, and what it becomes. */
export interface Edit {
  /** Below `src/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A way to break the product. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The rule that it breaks, among others perhaps. */
  readonly breaks: Rule;
  /** In which world it shows; `lawful` unless it takes nodes that lose votes. */
  readonly model?: Model;
  /** The seed in whose schedules it shows soon, if not in those of all others. */
  readonly seed?: number;
  /** The schedule in which it shows, if it takes too much to come together by chance. */
  readonly directed?: Directed;
}

const edit = (file: string, from: string, to: string): Edit => ({ file, from, to });

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the quorum is n / 2',
    breaks: 'exclusion',
    seed: 8,
    edits: [edit('quorum/ballot.ts', 'return Math.floor(n / 2) + 1;', 'return Math.ceil(n / 2);')],
  },
  {
    name: 'no drift is subtracted',
    breaks: 'support',
    seed: 4,
    edits: [edit('quorum/validity.ts', 'return Math.ceil(ttl * driftFactor) + 2;', 'return 2;')],
  },
  {
    name: 'no 2 ms are subtracted',
    breaks: 'support',
    seed: 17,
    edits: [
      edit(
        'quorum/validity.ts',
        'return Math.ceil(ttl * driftFactor) + 2;',
        'return Math.ceil(ttl * driftFactor);',
      ),
    ],
  },
  {
    name: 'validity counts from after the replies',
    breaks: 'support',
    edits: [
      edit(
        'acquire/attempt.ts',
        'this.decideOn({ lease: this.#lease, t0: this.#t0, validUntil: this.#end });',
        'this.decideOn({ lease: this.#lease, t0: this.#t0, validUntil: this.#end + clock.now() - this.#t0 });',
      ),
    ],
  },
  {
    name: 'validity is not checked after the last reply',
    breaks: 'valid',
    seed: 16,
    edits: [
      edit(
        'acquire/attempt.ts',
        'const exhausted = clock.now() > this.#end - TIMER_LATENESS;',
        'const exhausted = false;',
      ),
    ],
  },
  {
    name: 't0 is from before the retries',
    breaks: 'valid',
    edits: [
      edit(
        'acquire/attempt.ts',
        'this.#t0 = clock.now();',
        'this.#t0 = ((plan as { t0?: number }).t0 ??= clock.now());',
      ),
    ],
  },
  {
    name: 'validity counts by the wall clock',
    breaks: 'support',
    edits: [
      edit(
        'acquire/attempt.ts',
        'this.#t0 = clock.now();',
        'this.#t0 = clock.now();\n    (this as { wall?: number }).wall = Date.now();',
      ),
      edit(
        'acquire/attempt.ts',
        'this.decideOn({ lease: this.#lease, t0: this.#t0, validUntil: this.#end });',
        'this.decideOn({ lease: this.#lease, t0: this.#t0, validUntil: this.#end + clock.now() - this.#t0 - (Date.now() - ((this as { wall?: number }).wall ?? 0)) });',
      ),
    ],
  },
  {
    name: 'nothing is rolled back',
    breaks: 'residue',
    seed: 3,
    edits: [
      edit(
        'quorum/lease.ts',
        'if (!this.#whereabouts.mayHave(index) && !this.#mustServe) return;',
        'if (node) return;',
      ),
    ],
  },
  {
    name: 'only grants are rolled back',
    breaks: 'residue',
    seed: 3,
    edits: [
      edit(
        'quorum/lease.ts',
        "if (reply.kind === 'granted') this.#granted(index, reply.counter, decided);",
        "if (reply.kind === 'granted') this.#granted(index, reply.counter, decided); if (reply.kind === 'granted') ((this as { seen?: Set<number> }).seen ??= new Set()).add(index);",
      ),
      edit(
        'quorum/lease.ts',
        'if (!this.#whereabouts.mayHave(index) && !this.#mustServe) return;',
        'if (!(this as { seen?: Set<number> }).seen?.has(index)) return;',
      ),
    ],
  },
  {
    name: 'an owner token is used by the next attempt too',
    breaks: 'live votes',
    edits: [
      edit(
        'acquire/attempt.ts',
        'ownerTokenOf(random.token(),',
        'ownerTokenOf(((plan as { token?: string }).token ??= random.token()),',
      ),
    ],
  },
  {
    name: 'a release does not compare',
    breaks: 'owner',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'this.#live(key)?.ownerToken === ownerToken);\n    for (const key of own)',
        'this.#live(key) !== undefined);\n    for (const key of own)',
      ),
    ],
  },
  {
    name: 'a late grant is kept',
    breaks: 'residue',
    seed: 2,
    edits: [
      edit('quorum/lease.ts', 'if (holds && this.#ended && !this.#isLeft && node?.reorders)', 'if (false)'),
    ],
  },
  {
    name: 'a delayed grant is sent after its decision',
    breaks: 'sent in time',
    edits: [edit('node/redis/command-queue.ts', 'const { isWanted } = each;', 'const isWanted = true;')],
  },
  {
    name: 'a rollback is settled by an error',
    breaks: 'residue',
    edits: [
      edit(
        'node/redis/release-repeater.ts',
        "if (reply.kind === 'released' || reply.kind === 'absent') {\n        this.#pending",
        'if (reply) {\n        this.#pending',
      ),
    ],
  },
  {
    name: 'pending releases are forgotten when the connection is lost',
    breaks: 'residue',
    edits: [
      edit(
        'node/redis/release-repeater.ts',
        'for (const release of this.#pending.list()) this.#pending.refused(release);',
        'for (const release of this.#pending.list()) this.#pending.settle(release);',
      ),
    ],
  },
  {
    name: 'pending releases never expire',
    breaks: 'paced',
    edits: [edit('node/pending-releases.ts', 'request.longestTtl * (1 + share)', 'Number.POSITIVE_INFINITY')],
  },
  {
    name: 'pending releases are repeated without a pause',
    breaks: 'paced',
    edits: [
      edit(
        'node/redis/release-repeater.ts',
        'after(this.#pace.wait, () => this.repeatNow()',
        'after(0, () => this.repeatNow()',
      ),
    ],
  },
  {
    name: 'a grant is sent again after a broken connection',
    breaks: 'once',
    directed: 'connections break while nodes grant a lock',
    edits: [
      edit(
        'node/redis/command-queue.ts',
        "if (isOfSome) this.#forbidden.refused(batch[0]?.firstKey ?? '');",
        'return void this.#plan.clock.after(400, () => this.#resume(batch));',
      ),
    ],
  },
  {
    name: 'errors count as grants',
    breaks: 'exclusion',
    seed: 5,
    edits: [edit('quorum/votes.ts', "unreachable: 'unreachable',", "unreachable: 'granted',")],
  },
  {
    name: 'denials count as grants',
    breaks: 'exclusion',
    edits: [edit('quorum/votes.ts', "denied: 'denied',", "denied: 'granted',")],
  },
  {
    name: 'an extension counts repaired nodes',
    breaks: 'continuity',
    directed: 'all nodes forget a lock, and another has come and gone when it is extended',
    edits: [edit('quorum/votes.ts', "repaired: 'denied',", "repaired: 'granted',")],
  },
  {
    name: 'a repaired node counts at once',
    breaks: 'continuity',
    directed: 'all nodes forget a lock, and another has come and gone when it is extended twice',
    edits: [
      edit('quorum/continuity.ts', 'this.#heldSince[node] = ++this.#now;', 'this.#heldSince[node] = 0;'),
    ],
  },
  {
    name: 'a node that was repaired counts before a round has succeeded',
    breaks: 'continuity',
    directed: 'all nodes forget a lock, and another has come and gone when it is extended twice',
    edits: [
      edit(
        'quorum/lease.ts',
        "reply?.kind === 'extended' && !this.#whereabouts.counts(index)",
        '!reply && index < 0',
      ),
    ],
  },
  {
    name: 'an extension sets missing keys',
    breaks: 'continuity',
    directed: 'all nodes forget a lock, and another has come and gone when it is extended',
    edits: [edit('node/memory/memory-store.ts', "if (!this.#hasAll(owned)) return { kind: 'missing' };", '')],
  },
  {
    name: 'an extension sets keys and does not say so',
    breaks: 'atomic',
    model: 'forgetful',
    edits: [edit('node/memory/memory-store.ts', "if (!this.#hasAll(owned)) return { kind: 'missing' };", '')],
  },
  {
    name: 'an extension without an answer breaks continuity',
    breaks: 'kept',
    directed: 'two of three nodes hang as a lock is extended',
    edits: [
      edit(
        'quorum/lease.ts',
        "else if (reply.kind === 'missing' || reply.kind === 'taken') this.#whereabouts",
        'else if (!executedNothing(reply)) this.#whereabouts',
      ),
    ],
  },
  {
    name: 'every extension is a repair',
    breaks: 'kept',
    directed: 'two of three nodes hang as a lock is extended',
    edits: [edit('quorum/lease.ts', 'if (!this.#whereabouts.counts(index)) {', 'if (node) {')],
  },
  {
    name: 'an automatic extension that has failed is the last',
    breaks: 'kept',
    directed: 'two of three nodes hang as a lock is extended',
    edits: [
      edit(
        'lock.ts',
        "} finally {\n      if (this.state === 'held') this.#scheduleExtension();",
        "} finally {\n      if (this.state === 'held' && this.#extensionDue > this.#keeper.clock.now()) this.#scheduleExtension();",
      ),
    ],
  },
  {
    name: 'a failed extension releases',
    breaks: 'live votes',
    edits: [edit('lock.ts', 'throw failed;', 'this.#lease.undo();\n      throw failed;')],
  },
  {
    name: 'an extension lowers the expiry',
    breaks: 'support',
    seed: 2,
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'Math.max(this.#live(key)?.expiresAt ?? 0, this.#time.now() + ttl)',
        'this.#time.now() + ttl',
      ),
    ],
  },
  {
    name: 'an extension counts from after its replies',
    breaks: 'support',
    seed: 100,
    edits: [
      edit(
        'lock.ts',
        'Math.min(validUntil(t0, ttl, driftFactor, lockDelay), this.#heldAtMostUntil)',
        'Math.min(validUntil(clock.now(), ttl, driftFactor, lockDelay), this.#heldAtMostUntil)',
      ),
    ],
  },
  {
    name: 'an extension that succeeds after the end counts',
    breaks: 'valid',
    directed: 'a process stops while its lock is extended, and runs again after the end',
    edits: [
      edit(
        'lock.ts',
        'changes nothing: the keys are being deleted.\n    this.#assertHeld();',
        'changes nothing: the keys are being deleted.',
      ),
    ],
  },
  {
    name: 'an extension leaves after the loss',
    breaks: 'sent in time',
    edits: [
      edit(
        'lock.ts',
        'nothing must be sent that sets them again.\n    this.#assertHeld();',
        'nothing must be sent that sets them again.',
      ),
    ],
  },
  {
    name: 'extensions are bounded by nothing',
    breaks: 'bounded',
    edits: [
      edit(
        'lock.ts',
        'Math.min(validUntil(t0, ttl, driftFactor, lockDelay), this.#heldAtMostUntil)',
        'validUntil(t0, ttl, driftFactor, lockDelay)',
      ),
    ],
  },
  {
    name: 'a loss is learned from the network only',
    breaks: 'told',
    edits: [
      edit(
        'lock.ts',
        'return Math.min(this.#extensions.dueAt, this.#validUntil - TIMER_LATENESS);',
        'return this.#extensions.dueAt;',
      ),
    ],
  },
  {
    name: 'the end is told when it has come',
    breaks: 'told',
    edits: [
      edit(
        'lock.ts',
        'Math.min(this.#extensions.dueAt, this.#validUntil - TIMER_LATENESS)',
        'Math.min(this.#extensions.dueAt, this.#validUntil)',
      ),
    ],
  },
  {
    name: 'the end is told by a look at the clock of before a pause',
    breaks: 'told',
    directed: 'a process stops between the clock and the timer',
    edits: [
      edit(
        'clock.ts',
        'if (clock.now() - now < TIMER_LATENESS / 10) return cancel;',
        'if (clock) return cancel;',
      ),
    ],
  },
  {
    name: 'a call returns before other locks are looked at',
    breaks: 'told first',
    directed: 'a call returns after a pause',
    edits: [
      edit('held-locks.ts', 'notice(): void {', 'notice(isTimer = false): void {\n    if (!isTimer) return;'),
      edit(
        'held-locks.ts',
        'INFINITY;\n    this.notice();\n    this.#setTimer',
        'INFINITY;\n    this.notice(true);\n    this.#setTimer',
      ),
    ],
  },
  {
    name: 'a released lock goes on watching its end',
    breaks: 'leftovers',
    edits: [edit('held-locks.ts', 'if (this.#agenda.size === 0) this.#dropTimer();', '')],
  },
  {
    name: 'the order of a queue is not kept',
    breaks: 'first in, first out',
    edits: [
      edit(
        'node/redis/command-queue.ts',
        'const ready = this.#queue;',
        'const ready = this.#queue.reverse();',
      ),
      // Otherwise nothing is left to come in the wrong order.
      edit('node/redis/command-queue.ts', 'const { isWanted } = each;', 'const isWanted = true;'),
    ],
  },
  {
    name: 'a grant of several resources takes those that are free',
    breaks: 'atomic',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'return held.length > 0 ? this.#denial(held)',
        'if (held.length > 0) for (const key of claim.keys) if (!this.#live(key)) this.#entries.set(key, { ownerToken: claim.ownerToken, expiresAt: this.#time.now() + ttl });\n    return held.length > 0 ? this.#denial(held)',
      ),
    ],
  },
  {
    name: 'a decision waits for all nodes',
    breaks: 'prompt',
    edits: [
      edit(
        'quorum/ballot.ts',
        "if (counts.granted >= quorum) return 'won';\n  if (counts.granted + counts.pending",
        "if (counts.pending > 0) return undefined;\n  if (counts.granted >= quorum) return 'won';\n  if (counts.granted + counts.pending",
      ),
    ],
  },
  {
    name: 'an even split waits',
    breaks: 'prompt',
    seed: 28,
    edits: [
      edit(
        'quorum/ballot.ts',
        'counts.granted + counts.pending >= quorum)',
        'counts.granted + counts.pending >= ballots.length / 2)',
      ),
    ],
  },
  {
    name: 'an attempt outlives the deadline of its call',
    breaks: 'settled',
    edits: [edit('acquire/attempt.ts', 'Math.min(nodeTimeout, deadline - this.#t0)', 'nodeTimeout')],
  },
  {
    name: 'closing waits twice as long as it may',
    breaks: 'settled',
    seed: 13,
    edits: [
      edit(
        'node/redis/redis-node.ts',
        'const cancelTimer = clock.after(patience, resolve);',
        'const cancelTimer = clock.after(2 * patience, resolve);',
      ),
    ],
  },
  {
    name: 'an aborted call keeps what it wins',
    breaks: 'residue',
    seed: 13,
    edits: [
      edit(
        'acquire/acquire-loop.ts',
        "this.#attempt?.abandon();\n    if (lock === 'unwanted') this.#won?.lease.undo();",
        '',
      ),
      edit('acquire/pending-acquire.ts', 'won.lease.undo();', ''),
    ],
  },
  {
    name: 'waiters try again without a pause',
    breaks: 'paced',
    edits: [edit('acquire/backoff.ts', 'SHORTEST_PAUSE = 5;', 'SHORTEST_PAUSE = 0;')],
  },
  {
    name: 'every failure of tryAcquire is null',
    breaks: 'honest',
    edits: [
      edit('redlock.ts', 'if (error instanceof ResourceHeldError) return null;', 'if (error) return null;'),
    ],
  },
  {
    name: 'inspect takes one free node for freedom',
    breaks: 'honest',
    seed: 35,
    edits: [edit('inspection.ts', "kind === 'free').length >= quorum", "kind === 'free').length >= 1")],
  },
  {
    name: 'inspect takes one vote for a holder',
    breaks: 'honest',
    edits: [edit('inspection.ts', 'if (all.length < quorum) continue;', 'if (all.length < 1) continue;')],
  },
  {
    name: 'a script that is gone is not loaded again',
    breaks: 'live',
    seed: 19,
    edits: [
      edit(
        'node/redis/command-queue.ts',
        "else if (error.message.startsWith('NOSCRIPT'))",
        'else if (false)',
      ),
    ],
  },
  {
    name: 'a silent server is trusted for ever',
    breaks: 'residue',
    directed: 'a node is cut off while its lock is released',
    edits: [edit('node/redis/watchdog.ts', '      onSilence();', '')],
  },
  {
    name: 'commands are not failed when their connection is lost',
    breaks: 'live',
    model: 'forgetful',
    seed: 31,
    edits: [
      edit('node/redis/session.ts', 'for (const { reply } of unanswered) reply(cause, undefined);', ''),
    ],
  },
  {
    name: 'commands that waited for a new connection are sent twice',
    breaks: 'leftovers',
    directed: 'idle connections are closed, and a lock is extended before there are new ones',
    edits: [
      edit(
        'node/redis/session.ts',
        'for (const { send } of this.#early.splice(0)) send();',
        'for (const { send } of [...this.#early, ...this.#early.splice(0)]) send();',
      ),
    ],
  },
  {
    name: 'a connection that cannot be made is tried again without a pause',
    breaks: 'paced',
    edits: [
      edit(
        'node/redis/server-connection.ts',
        'Math.ceil(LONGEST_PAUSE * (0.2 + 0.8 * random.fraction()))',
        '0',
      ),
    ],
  },
  {
    name: 'a connection that is not made is waited for without end',
    breaks: 'live',
    seed: 6,
    edits: [
      edit(
        'node/redis/server-connection.ts',
        'const { clock, openLink, connectTimeout, clean } = this.#plan;',
        'const { clock, openLink, clean } = this.#plan;\n    const connectTimeout = Infinity;',
      ),
    ],
  },
  {
    name: 'extensions of a lock overtake each other',
    breaks: 'ordered',
    directed: 'a lock is extended twice, again and again, where requests overtake each other',
    edits: [
      edit('lock.ts', 'while (this.#extensions.running) await this.#extensions.running.catch(() => {});', ''),
    ],
  },
  {
    name: 'a signal aborts after the release',
    breaks: 'quiet',
    edits: [
      edit(
        'lock.ts',
        'released.whenDecided(({ verdict, replies }) => {',
        'released.whenDecided(({ verdict, replies }) => {\n      this.#controller?.abort(new Error("released"));',
      ),
    ],
  },
  {
    name: 'a fencing token is not written back',
    breaks: 'fenced',
    model: 'forgetful',
    seed: 49,
    edits: [edit('acquire/attempt.ts', "verdict !== 'won' || fencing?.agreed !== false", 'true')],
  },
  {
    name: 'a fencing token is written back to nodes that are not held any more',
    breaks: 'fenced',
    directed: 'a holder has lost the node that its token is to be written back to',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        "if (keys.some((key) => this.#live(key)?.ownerToken !== ownerToken)) return { kind: 'absent' };",
        '',
      ),
    ],
  },
  {
    name: 'a fencing token is the counter that a quorum has reached, and not the largest',
    breaks: 'fenced',
    model: 'forgetful',
    seed: 3,
    edits: [
      edit(
        'quorum/fencing.ts',
        'Math.max(...counters.map((counter) => counter ?? 0))',
        'counters.map((counter) => counter ?? 0).sort((a, b) => b - a)[quorumOf(counters.length) - 1] ?? 0',
      ),
    ],
  },
  {
    name: 'a counter goes with its lock',
    breaks: 'fenced',
    edits: [
      edit(
        'node/redis/encode.ts',
        '(string | number)[] = [form, fenceRetention];',
        '(string | number)[] = [form, Math.min(fenceRetention, ...batch.map(({ request }) => (request as GrantRequest).ttl))];',
      ),
      edit(
        'node/redis/encode.ts',
        'return general(batch, this.#fenceRetention, isSharded);',
        "return general(batch, Math.min(this.#fenceRetention, ...batch.map(({ request }) => ('ttl' in request ? request.ttl : this.#fenceRetention))), isSharded);",
      ),
      edit('acquire/hints.ts', 'Math.floor(this.#clock.wallTime() * 1_000)', '0'),
    ],
  },
  {
    name: 'a hint is no more than the last token',
    breaks: 'fenced',
    directed: 'a node loses its counters, and it alone is left of those that had them',
    edits: [edit('acquire/hints.ts', 'Math.floor(this.#clock.wallTime() * 1_000)', '0')],
  },
  {
    name: 'validity is not checked after a token was confirmed',
    breaks: 'valid',
    directed: 'a client stops while its token is written back',
    edits: [
      edit(
        'acquire/attempt.ts',
        'const exhausted = clock.now() > this.#end - TIMER_LATENESS;',
        'const exhausted = fencing?.agreed !== false && clock.now() > this.#end - TIMER_LATENESS;',
      ),
    ],
  },
  {
    name: 'a confirmation counts where the counter was not seen',
    breaks: 'fenced',
    directed: 'a grant comes after another has been there and gone, and its token is fixed',
    edits: [edit('quorum/lease.ts', 'counter === undefined || this.#ended', 'this.#ended')],
  },
  {
    name: 'a late grant counts whatever its counter',
    breaks: 'continuity',
    directed: 'a grant is late by the whole section of another',
    edits: [
      edit('quorum/lease.ts', 'if (mayHaveBeenAnothers) this.#whereabouts.restored(index);\n    else ', ''),
    ],
  },
  {
    name: 'a server that lacks the script is given it',
    breaks: 'remembers',
    model: 'restarting',
    edits: [
      edit(
        'node/redis/command-queue.ts',
        "kind === 'quarantined') {\n      this.#quarantined(batch, master);",
        "kind === 'quarantined') {\n      void admissions.admit(master).then(() => { this.#queue.unshift(...batch); this.#flush(); });",
      ),
    ],
  },
  {
    name: 'every server is admitted at once',
    breaks: 'remembers',
    model: 'restarting',
    edits: [edit('node/redis/admissions.ts', "if (guard === 'off' || isKnown ||", 'if (true ||')],
  },
  {
    name: 'a quarantine ends a second early',
    breaks: 'remembers',
    model: 'restarting',
    edits: [
      edit(
        'node/redis/quarantine.ts',
        'maxTtl * (1 + driftFactor) + UPTIME_RESOLUTION',
        'maxTtl * (1 + driftFactor)',
      ),
    ],
  },
  {
    name: 'a promoted replica goes by its age',
    breaks: 'remembers',
    model: 'restarting',
    edits: [edit('node/redis/quarantine.ts', '|| (promoted && !hasGate)', '')],
  },
  {
    name: 'the restart guard does not hear that a connection has ended',
    breaks: 'remembers',
    directed: 'another server takes the place of one whose connections were idle',
    edits: [
      edit('node/redis/redis-node.ts', 'parted: () => this.#admissions.parted(),', 'parted: () => {},'),
    ],
  },
  {
    name: 'a quorum of blank nodes is a cold start',
    breaks: 'remembers',
    directed:
      'two of three nodes were restarted, one without memory, when a client comes that cannot see the third',
    edits: [
      edit(
        'node/redis/cold-start.ts',
        "this.#isPossible && this.#all('blank')",
        "this.#isPossible && [...this.#views.values()].filter((view) => view === 'blank').length > this.#views.size / 2",
      ),
      edit(
        'node/redis/cold-start.ts',
        'stillBlank.every(Boolean)',
        'stillBlank.filter(Boolean).length > this.#views.size / 2',
      ),
    ],
  },
  {
    name: 'blank nodes are not looked at a second time',
    breaks: 'remembers',
    directed: 'a new node restarts before the last client has reached it',
    edits: [
      edit(
        'node/redis/cold-start.ts',
        'await Promise.all(members.map((member) => member.probe().catch(() => false)))',
        'members.map(() => true)',
      ),
      edit('node/redis/server-check.ts', 'if (!areSame(this.#probed, connection.masters())) return;', ''),
      edit('node/redis/server-check.ts', 'this.#probed.map(', 'connection.masters().map('),
    ],
  },
  {
    name: 'scripts do not name the incarnation',
    breaks: 'remembers',
    model: 'restarting',
    edits: [
      edit('node/redis/scripts/script.ts', '`${OPERATIONS}-- ${incarnation}`', 'OPERATIONS'),
      edit('node/redis/scripts/script.ts', 'its locks: ${incarnation}`', 'its locks`'),
    ],
  },
  {
    name: 'a release serves nobody',
    breaks: 'served',
    model: 'contended',
    edits: [
      edit(
        'quorum/lease.ts',
        "this.#releaseRequest(isHandOver ? 'hand over' : 'serve')",
        "this.#releaseRequest('hand over')",
      ),
    ],
  },
  {
    name: 'a rollback serves nobody',
    breaks: 'served',
    directed: 'a lock is handed on to a call that is aborted at this moment, and another process waits',
    edits: [
      edit(
        'quorum/lease.ts',
        "this.#end();\n    const request = this.#releaseRequest('serve');",
        "this.#end();\n    const request = this.#releaseRequest('hand over');",
      ),
    ],
  },
  {
    name: 'a hand-over that is repeated serves nobody',
    breaks: 'served',
    directed: 'a lock is handed on, which its arbiter hears of late, and another process waits',
    edits: [
      edit(
        'node/pending-releases.ts',
        "return request.afterwards === 'hand over' ? { ...request, afterwards: 'serve' } : request;",
        'return request;',
      ),
    ],
  },
  {
    name: 'the next in line is not told',
    breaks: 'served',
    directed: 'a client dies as its turn comes, and another is behind it',
    edits: [edit('node/memory/memory-store.ts', 'this.#tellNext(key);\n      return;', 'return;')],
  },
  {
    name: 'the next in line is not told of a turn that is given back',
    breaks: 'served',
    directed: 'a client dies that has given its turn back, and another is behind it',
    edits: [edit('node/memory/memory-store.ts', 'this.#tellNext(waiter.key, waiter.name);', '')],
  },
  {
    name: 'the next in line does not watch the first',
    breaks: 'served',
    directed: 'a client dies as its turn comes, and another is behind it',
    edits: [edit('acquire/news.ts', 'next(): void {', 'next(): void {\n    if (this.#clock) return;')],
  },
  {
    name: 'a waiter forgets a next that comes before its denial',
    breaks: 'progress',
    directed: 'a client dies as its turn comes, and the next is told so before it is denied',
    edits: [edit('acquire/news.ts', 'next(): void {', 'next(): void {\n    if (!this.#sleep) return;')],
  },
  {
    name: 'a waiter forgets a turn that comes before its denial',
    breaks: 'progress',
    model: 'contended',
    seed: 11,
    edits: [
      edit(
        'acquire/news.ts',
        'turn(node: number): void {',
        'turn(node: number): void {\n    if (!this.#sleep) return;',
      ),
    ],
  },
  {
    name: 'a turn that was given back is waited for',
    breaks: 'served',
    directed: 'a lock is held without its arbiter, and one waits whose pauses are long',
    edits: [
      edit('acquire/wake.ts', 'if (yields > 0) return Math.min(free, yieldPause(situation, usual));', ''),
    ],
  },
  {
    name: 'a turn that cannot be used goes to the next at once',
    breaks: 'thrifty',
    directed: 'a lock is held without its arbiter, and two wait',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        "(afterwards === 'yield' && key !== waiter?.key)",
        "afterwards === 'yield'",
      ),
    ],
  },
  {
    name: 'a turn that cannot be used is lost',
    breaks: 'fair',
    model: 'contended',
    edits: [
      edit(
        'quorum/lease.ts',
        'const isYielded = index === yielding?.node;',
        'const isYielded = index === yielding?.node && false;',
      ),
    ],
  },
  {
    name: 'a turn is given back only where it is known to have been granted',
    breaks: 'progress',
    model: 'contended',
    seed: 413,
    edits: [
      edit(
        'acquire/ask-order.ts',
        "this.arbiterReply?.kind !== 'denied'",
        "this.arbiterReply?.kind === 'granted'",
      ),
    ],
  },
  {
    name: 'whoever gives a turn back stands at the end of the line',
    breaks: 'fair',
    model: 'contended',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        '#yield(waiter: Waiter, reservation: number): void {\n    this.#enqueue(waiter, reservation);',
        '#yield(waiter: Waiter, reservation: number): void {\n    this.#enqueue({ ...waiter, since: 0 }, reservation);',
      ),
    ],
  },
  {
    name: 'a stand on a free key passes the line',
    breaks: 'fair',
    model: 'contended',
    seed: 2,
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'this.#live(key) !== undefined || (first !== undefined && first !== name)',
        'this.#live(key) !== undefined || (first !== undefined && first !== name && name === key)',
      ),
    ],
  },
  {
    name: 'the last in line is served first',
    breaks: 'fair',
    model: 'contended',
    edits: [edit('node/memory/memory-line.ts', 'this.#entries.shift()', 'this.#entries.pop()')],
  },
  {
    name: 'nothing is reserved for long enough',
    breaks: 'fair',
    model: 'contended',
    seed: 423,
    edits: [
      edit(
        'acquire/round-trip.ts',
        'return Math.min(LONGEST_RESERVATION, Math.max(SHORTEST_RESERVATION, needed));',
        'return needed > 0 ? 1 : 1;',
      ),
    ],
  },
  {
    name: 'reservations last for long',
    breaks: 'left',
    model: 'contended',
    edits: [
      edit(
        'acquire/round-trip.ts',
        'return Math.min(LONGEST_RESERVATION, Math.max(SHORTEST_RESERVATION, needed));',
        'return 10 * Math.max(SHORTEST_RESERVATION, needed);',
      ),
    ],
  },
  {
    name: 'whoever has the lock stays in the line',
    breaks: 'left',
    model: 'contended',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'this.#leave(waiter, keys);\n        return reply;',
        'return reply;',
      ),
    ],
  },
  {
    name: 'whoever gives up stays in the line',
    breaks: 'left',
    model: 'contended',
    edits: [edit('acquire/line.ts', 'if (!this.#caller) this.leave();', '')],
  },
  {
    name: 'whoever wins without its arbiter stays in the line',
    breaks: 'left',
    directed: 'a lock is released of which its arbiter hears nothing, and that answers a waiter late',
    edits: [
      edit(
        'acquire/line.ts',
        "if (kind !== 'granted' && !this.#standing.has(arbiter)) this.#leaveAt(arbiter);",
        'void kind;',
      ),
    ],
  },
  {
    name: 'whoever stands again leaves late',
    breaks: 'left',
    directed: 'a waiter leaves late, and has come again',
    edits: [edit('node/pending-releases.ts', 'release.request = { ...request, waiter: undefined };', '')],
  },
  {
    name: 'a turn that is given back late brings a place with it',
    breaks: 'left',
    directed: 'a turn is given back late, and its waiter has gone',
    edits: [
      edit(
        'node/pending-releases.ts',
        "if (request.afterwards === 'yield') return { ...request, afterwards: 'serve', waiter: undefined };",
        '',
      ),
    ],
  },
  {
    name: 'a waiter that was cut off sleeps on',
    breaks: 'served',
    directed: 'a lock is released while who waits is not told anything',
    edits: [
      edit('acquire/news.ts', 'live(): void {\n    this.call();', 'live(): void {'),
      edit('acquire/news.ts', 'deaf(): void {', 'deaf(): void {\n    if (this.#clock) return;'),
    ],
  },
  {
    name: 'a subscriber that has connected again does not subscribe again',
    breaks: 'served',
    directed: 'whoever waits loses its subscriptions some time before the release',
    edits: [
      edit(
        'node/redis/inboxes.ts',
        'feed.isUp = true;\n        for (const channel of feed.channels) this.#subscribe(feed, channel);',
        'feed.isUp = true;\n        if (!(feed as { was?: true }).was) for (const channel of feed.channels) this.#subscribe(feed, channel);\n        (feed as { was?: true }).was = true;',
      ),
      edit('node/redis/inboxes.ts', 'channel.shut();\n      if', 'if'),
    ],
  },
  {
    name: 'a waiter sleeps past an expiry',
    breaks: 'served',
    directed: 'a holder dies, and one waits',
    edits: [
      edit(
        'acquire/wake.ts',
        'return Math.min(free, fallback(position, unchanged));',
        'return fallback(position, unchanged);',
      ),
    ],
  },
  {
    name: 'all who wait look when a lock expires, and not only the first',
    breaks: 'thrifty',
    model: 'contended',
    edits: [
      edit('acquire/wake.ts', 'expiry + 1 + position * watchPause(reservation)', 'Math.min(expiry, 5) + 1'),
    ],
  },
  {
    name: 'who splits the votes does not ask an arbiter',
    breaks: 'progress',
    directed: 'many processes want one lock',
    edits: [
      edit(
        'acquire/acquire-loop.ts',
        '      how,\n      arbiter,\n',
        "      how: 'all',\n      arbiter: undefined,\n",
      ),
    ],
  },
  {
    name: 'an arbiter is waited for without end',
    breaks: 'progress',
    model: 'contended',
    seed: 55,
    edits: [
      edit(
        'acquire/ask-order.ts',
        'this.#cancelTimer = afterReading(clock, hedge, () => this.#passOver(arbiter));',
        'void hedge;',
      ),
    ],
  },
  {
    name: 'a split vote is taken for a holder',
    breaks: 'honest',
    edits: [
      edit(
        'acquire/acquire-loop.ts',
        'return denial !== undefined && (await isHeldByOne(this.#keyOf(denial), nodes, clock, patience));',
        "return denial !== undefined || (await isHeldByOne('', nodes, clock, patience));",
      ),
    ],
  },
  {
    name: 'last come, first served',
    breaks: 'in turn',
    model: 'contended',
    edits: [
      edit(
        'acquire/local-queue.ts',
        'queue.first = queue.others?.values().next().value;',
        'queue.first = [...(queue.others ?? [])].at(-1);',
      ),
    ],
  },
  {
    name: 'who has gone away stays in the queue',
    breaks: 'served',
    model: 'contended',
    edits: [
      edit(
        'acquire/pending-acquire.ts',
        "this.#reject(reason);\n    this.#end('unwanted');",
        "this.#reject(reason);\n    this.#over = true;\n    this.#loop?.end('unwanted');",
      ),
    ],
  },
  {
    name: 'a process keeps a lock to itself',
    breaks: 'fair',
    directed: 'two processes want one lock, and many in one of them',
    edits: [
      edit(
        'acquire/local-queue.ts',
        'keys.every((key) => this.#at(key).handOvers < most)',
        'keys.every((key) => this.#at(key).handOvers < most * 1e6)',
      ),
    ],
  },
  {
    name: 'a revoked lock is deleted',
    breaks: 'exclusion',
    model: 'operated',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'this.#entries.set(key, { ownerToken, expiresAt });\n    return',
        'this.#entries.delete(key);\n    return',
      ),
    ],
  },
  {
    name: 'a tombstone lasts for a moment',
    breaks: 'exclusion',
    model: 'operated',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'this.#entries.set(key, { ownerToken, expiresAt });\n    return',
        'this.#entries.set(key, { ownerToken, expiresAt: now + 1 });\n    return',
      ),
    ],
  },
  {
    name: 'one tombstone is taken for a revocation',
    breaks: 'revoked',
    directed: 'a lock is revoked by a process that reaches one of the nodes that have it',
    edits: [
      edit(
        'revocation.ts',
        'const enough = nodes.length - quorumOf(nodes.length) + 1;',
        'const enough = quorumOf(nodes.length) - quorumOf(nodes.length) + 1;',
      ),
    ],
  },
  {
    name: 'a holder takes a tombstone for its own',
    breaks: 'revoked',
    model: 'operated',
    edits: [
      edit(
        'node/memory/memory-store.ts',
        'filter((entry) => entry.ownerToken !== ownerToken)',
        'filter((entry) => entry.ownerToken !== ownerToken && !isTombstone(entry.ownerToken))',
      ),
    ],
  },
  {
    name: 'a lost lock is released though it has a lockDelay',
    breaks: 'delayed',
    model: 'operated',
    edits: [
      edit(
        'lock.ts',
        'if (this.#options.lockDelay > 0) this.#lease.leave();',
        'if (false) this.#lease.leave();',
      ),
    ],
  },
  {
    name: 'a lockDelay is not taken from the validity',
    breaks: 'delayed',
    seed: 6,
    model: 'operated',
    edits: [
      edit(
        'quorum/validity.ts',
        'return t0 + ttl - driftOf(ttl, driftFactor) - lockDelay;',
        'return t0 + ttl - driftOf(ttl, driftFactor) - 0 * lockDelay;',
      ),
    ],
  },
];
