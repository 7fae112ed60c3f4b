import { emptyHistory, type History, type Operation, type Verb } from '../checker/history.ts';
import { Server } from '../simulation/server.ts';
import { Timeline } from '../simulation/timeline.ts';
import { Contender } from './contender.ts';
import type { Effect, Enabled } from './exploration.ts';
import type { Occurrence } from './linearization.ts';
import { Objects } from './objects.ts';
import type { Scope } from './scope.ts';
import { ASYMMETRY, type Symmetry } from './symmetry.ts';
import type { Wire } from './wire.ts';

type What =
  | 'acts'
  | 'waits no longer'
  | 'request arrives'
  | 'late request arrives'
  | 'answer arrives'
  | 'loses its connection'
  | 'finds a connection'
  | 'fault';

/** The next event of a process: a channel, a client's timers, what a client does of its own accord, or the fault. */
interface Choice extends Enabled {
  readonly what: What;
  readonly client: number;
  readonly node: number;
  /** Whether code of the client runs. */
  readonly isHeard: boolean;
  /** What it touches of the nodes, and of clients that do not hear of it. */
  readonly objects: number;
  readonly after: number;
}

interface Happening {
  readonly choice: Choice;
  /** For what its client waited before. */
  readonly pending: Verb | undefined;
  readonly answer: Wire['nextAnswer'];
  readonly awaited: readonly Operation[];
  /** How many operations had been sent before. */
  readonly sent: number;
}

/** By which call an answer is counted. */
const ROUNDS: Readonly<Record<Operation, Verb>> = {
  grant: 'tryAcquire',
  confirm: 'tryAcquire',
  extend: 'extend',
  repair: 'extend',
  release: 'release',
  revoke: 'revoke',
  inspect: 'inspect',
};

/**
 * A few clients and nodes with connections between them, and no time: what can happen next can happen in any order.
 * Instants of its history are numbers of events, from 1 on.
 */
export class SmallWorld {
  readonly history: History;
  readonly events: Occurrence[] = [];
  readonly #scope: Scope;
  readonly #symmetry: Symmetry;
  readonly #objects: Objects;
  readonly #timeline = new Timeline();
  readonly #servers: readonly Server[];
  readonly #contenders: readonly Contender[];
  #faultIsDue: boolean;
  /** Nodes that have executed something. */
  readonly #executed = new Set<number>();
  /** Nodes that have answered the first client. */
  readonly #answered = new Set<number>();
  #happening: Happening | undefined;

  constructor(scope: Scope, symmetry: Symmetry = ASYMMETRY) {
    this.#symmetry = symmetry;
    const { clients, nodes, cycles = [], extensions = [], fault } = scope;
    this.#scope = scope;
    this.#objects = new Objects(clients, nodes);
    this.#faultIsDue = fault !== undefined;
    this.history = emptyHistory(nodes);
    const { history } = this;
    const timeline = this.#timeline;
    this.#servers = Array.from(
      { length: nodes },
      (_, index) =>
        new Server({ index, timeline, history, rate: 1, origin: 0, saveInterval: 1, age: 0, keys: [] }),
    );
    const servers = this.#servers;
    const now = (): number => timeline.now;
    this.#contenders = Array.from(
      { length: clients },
      (_, id) =>
        new Contender({
          id,
          servers,
          history,
          now,
          cycles: cycles[id] ?? 1,
          extensions: extensions[id] ?? 0,
        }),
    );
  }

  /** What can happen next. */
  choices(): Choice[] {
    const choices: Choice[] = [];
    for (const [client, contender] of this.#contenders.entries()) {
      if (contender.isReady) choices.push(this.#heard('acts', `c${client} acts`, client));
      if (contender.hasTimer && this.#scope.timeouts !== 'none')
        choices.push(this.#heard('waits no longer', `c${client} waits no longer`, client));
      for (const [node, wire] of contender.wires.entries()) this.#onWire(client, node, wire, choices);
    }
    if (this.#faultIsDue) this.#misfortune(choices);
    return choices;
  }

  /** Lets it happen. To be followed by `goOn` in each turn of the event loop, until that says what it was. */
  perform(choice: Choice): void {
    this.#timeline.now++;
    const { what, client, node } = choice;
    const contender = this.#contender(client);
    const wire = contender.wires[node] as Wire;
    this.#happening = {
      choice,
      pending: contender.pending,
      answer: wire.nextAnswer,
      awaited: wire.awaited,
      sent: this.history.exchanges.length,
    };
    switch (what) {
      case 'acts':
        contender.run(() => contender.act());
        break;
      case 'waits no longer':
        contender.runTimer();
        break;
      case 'request arrives':
        this.#executed.add(node);
        wire.arriveUp('up');
        break;
      case 'late request arrives':
        wire.arriveUp('late');
        break;
      case 'answer arrives':
        if (client === 0) this.#answered.add(node);
        contender.run(() => wire.arriveDown());
        break;
      case 'loses its connection':
        contender.run(() => wire.lose('are lost'));
        break;
      case 'finds a connection':
        contender.run(() => wire.connect());
        break;
      case 'fault':
        this.#faultIsDue = false;
        this.#inflict(contender, wire, node);
        break;
    }
  }

  /** What has happened, once all that the event has caused has run. */
  goOn(): Effect | undefined {
    const { choice } = this.#happening as Happening;
    const { client, isHeard, after, objects } = choice;
    if (isHeard && this.#contender(client).goOn()) return undefined;
    this.events.push({ objects: choice.reach, after });
    const effect = { objects: 0, shared: 0, kind: '', ...(isHeard ? this.#effect() : {}) };
    return { ...effect, objects: effect.objects | objects, after };
  }

  /** What it did to its client. */
  #effect(): Partial<Effect> {
    const { choice, pending, answer, awaited, sent } = this.#happening as Happening;
    const { what, client, node } = choice;
    const contender = this.#contender(client);
    // An attempt that fails is undone on all nodes.
    const failed = pending === 'tryAcquire' && contender.pending === undefined && !contender.holds;
    const isUndone = this.history.exchanges.slice(sent).some((each) => each.node !== node);
    const all = { objects: this.#objects.client(client) };
    if (failed || isUndone || this.#scope.dependence === 'all') return all;
    const line = this.#objects.line(client, node);
    const votes = (operation: Operation): number =>
      ROUNDS[operation] === pending
        ? this.#objects.round(client, operation)
        : this.#objects.vote(client, operation, node);
    switch (what) {
      case 'answer arrives': {
        if (!answer) return all;
        const voted = votes(answer.operation);
        // How many have denied it decides what is sent to whom; the others are only counted.
        if (answer.kind === 'denied') return { objects: line | voted };
        return { objects: line, shared: voted, kind: answer.kind };
      }
      case 'loses its connection':
      case 'fault':
        return { objects: awaited.reduce((objects, operation) => objects | votes(operation), line) };
      case 'finds a connection':
        // What it says to the server changes nothing for others.
        return { objects: line };
      case 'waits no longer':
        // Nothing is sent at the end of a release.
        return pending === 'release' ? { objects: this.#objects.round(client, 'release') } : all;
      default:
        return all;
    }
  }

  /** All is over. */
  end(): void {
    this.history.healedAt = this.#timeline.now + 1;
  }

  /** Ends the turn in which it was made, and the connections. */
  settle(): void {
    for (const contender of this.#contenders) if (contender.goOn()) throw new Error('it is not ready');
  }

  #contender(client: number): Contender {
    return this.#contenders[client] as Contender;
  }

  #onWire(client: number, node: number, wire: Wire, choices: Choice[]): void {
    const { up, late, down } = wire.heads;
    if (up !== undefined && this.#isServed(client, node))
      choices.push(this.#atNode('request arrives', `c${client}>n${node}`, client, node, up - 1));
    if (late !== undefined)
      choices.push(this.#atNode('late request arrives', `c${client}>n${node} late`, client, node, late - 1));
    if (down !== undefined && this.#isItsTurn(client, node))
      choices.push(this.#heard('answer arrives', `n${node}>c${client}`, client, node, 0, down - 1));
    if (wire.state === 'severed')
      choices.push(this.#heard('loses its connection', `c${client} loses n${node}`, client, node));
    if (wire.state === 'lost')
      choices.push(this.#heard('finds a connection', `c${client} finds n${node}`, client, node));
  }

  #atNode(what: What, process: string, client: number, node: number, after: number): Choice {
    const objects = this.#objects.node(node);
    return { what, process, client, node, isHeard: false, objects, after, reach: objects };
  }

  #heard(what: What, process: string, client: number, node = 0, objects = 0, after = -1): Choice {
    const reach = objects | this.#objects.client(client);
    return { what, process, client, node, isHeard: true, objects, after, reach };
  }

  /** Whether this execution stands for those in which it is another's turn. */
  #isServed(client: number, node: number): boolean {
    const first = this.#symmetry.first[node];
    return first === undefined || first === client || this.#executed.has(node);
  }

  /** The same, for answers to the first client. */
  #isItsTurn(client: number, node: number): boolean {
    if (client !== 0 || this.#contenders[0]?.isTaking !== true) return true;
    return this.#symmetry.before[node]?.every((other) => this.#answered.has(other)) !== false;
  }

  /** The fault comes only when it makes a difference. */
  #misfortune(choices: Choice[]): void {
    const { fault, nodes } = this.#scope;
    const node = nodes - 1;
    const stands = (this.#servers[node] as Server).standing().length > 0;
    const awaited = this.#contenders.map(({ wires }) => (wires[node] as Wire).awaited.length > 0);
    switch (fault) {
      case 'forget':
      case 'drop':
        if (stands) choices.push(this.#atNode('fault', 'fault', 0, node, -1));
        break;
      case 'crash': {
        if (!stands) break;
        const objects = this.#objects.lines(node) | this.#objects.node(node);
        choices.push({ ...this.#atNode('fault', 'fault', 0, node, -1), objects, reach: objects });
        break;
      }
      case 'lost replies':
      case 'lost requests':
        if (awaited[0]) choices.push(this.#heard('fault', 'fault', 0, node, this.#objects.node(node)));
        break;
      case undefined:
        break;
    }
  }

  #inflict(contender: Contender, wire: Wire, node: number): void {
    const server = this.#servers[node] as Server;
    switch (this.#scope.fault) {
      case 'forget':
        server.forget();
        break;
      case 'drop':
        server.drop(0);
        break;
      case 'crash':
        server.crash(true);
        server.restart('lost');
        for (const { wires } of this.#contenders) wires[node]?.sever();
        break;
      case 'lost replies':
        contender.run(() => wire.lose('arrive'));
        break;
      case 'lost requests':
        contender.run(() => wire.lose('are lost'));
        break;
      case undefined:
        break;
    }
  }
}
