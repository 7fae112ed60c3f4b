import type { Command } from './call.ts';
import type { OptionSpec } from './command-line.ts';

const JSON_OPTION: OptionSpec = { name: 'json', help: 'print JSON, one object a line' };

const UNAVAILABLE = ['69', 'too few nodes can be used; the message says why for each of them'] as const;

const RUN: Command = {
  name: 'run',
  synopsis: '<resource> [options] -- <command> [argument…]',
  summary: 'runs a command while it holds a lock',
  details: [
    'Waits for the lock, runs the command, extends the lock for as long as the command runs, and releases it. The command has the input and output of quorlock, and finds QUORLOCK_RESOURCE and QUORLOCK_FENCING_TOKEN in its environment.',
    'If the lock is lost, all processes of the command get SIGTERM, and after the grace SIGKILL. quorlock passes on the signals that it gets. If the command leaves processes behind, they are stopped in the same way before the lock is released.',
    'The command gets a process group of its own, and its processes are those of the group. If standard input is a terminal, the command stays in the group of quorlock, so that it can read from the terminal. Its processes are then itself and its descendants. Use </dev/null if it needs no input.',
  ],
  options: [
    { name: 'ttl', value: 'TIME', help: 'how long nodes keep the lock if quorlock dies (default: 10s)' },
    {
      name: 'wait',
      value: 'TIME',
      help: 'how long to wait for the lock; 0 tries once; or forever (default: 10s)',
    },
    { name: 'label', value: 'TEXT', help: 'names the holder; inspect shows it (default: host/pid)' },
    { name: 'no-fencing', help: 'take the lock without a fencing token' },
    {
      name: 'lock-delay',
      value: 'TIME',
      help: 'after a loss, how long nobody else gets the lock (default: 0)',
    },
    { name: 'grace', value: 'TIME', help: 'time between SIGTERM and SIGKILL (default: 10s)' },
  ],
  usesNodes: true,
  exitCodes: [
    ['n', 'the exit code of the command; 128 + n if signal n ended it'],
    ['64', 'wrong usage'],
    UNAVAILABLE,
    ['75', 'not run: somebody else holds the lock'],
    ['76', 'the lock was lost while the command ran, and the command was stopped'],
    ['126', 'the command cannot be executed'],
    ['127', 'there is no such command'],
  ],
  examples: [
    'quorlock run nightly-report --wait 0 -- ./report.sh --all',
    "quorlock run deploy --ttl 30s --wait forever -- sh -c 'echo $QUORLOCK_FENCING_TOKEN'",
  ],
  load: async () => (await import('./run.ts')).run,
};

const INSPECT: Command = {
  name: 'inspect',
  synopsis: '<resource> [options]',
  summary: 'shows who holds a resource',
  details: ['Asks all nodes who holds the resource, since when, and for how long. Changes nothing.'],
  options: [JSON_OPTION],
  usesNodes: true,
  exitCodes: [
    ['0', 'the state is known, and printed: free, held or revoked'],
    ['64', 'wrong usage'],
    ['69', 'the state is indeterminate: too few nodes agree'],
  ],
  examples: ['quorlock inspect nightly-report', 'quorlock inspect nightly-report --json'],
  load: async () => (await import('./inspect.ts')).inspect,
};

const NODES: Command = {
  name: 'nodes',
  synopsis: '[options]',
  summary: 'shows the state of each node',
  details: ['Connects to all nodes, and shows which of them grant locks. Changes nothing.'],
  options: [JSON_OPTION],
  usesNodes: true,
  exitCodes: [
    ['0', 'a majority of the nodes is up, so locks can be taken'],
    ['64', 'wrong usage'],
    ['69', 'no majority is up'],
  ],
  examples: ['quorlock nodes', 'quorlock nodes --json'],
  load: async () => (await import('./nodes.ts')).nodes,
};

const DOCTOR: Command = {
  name: 'doctor',
  synopsis: '[options]',
  summary: 'checks the nodes, and says what to do',
  details: [
    'Checks roles, versions, memory, persistence, permissions, round trips and clocks. Takes about 2 seconds, longer if a node does not answer. Changes nothing.',
  ],
  options: [JSON_OPTION],
  usesNodes: true,
  exitCodes: [
    ['0', 'no error was found; warnings and notes may have been'],
    ['3', 'an error was found'],
    ['64', 'wrong usage'],
  ],
  examples: ['quorlock doctor', 'quorlock doctor --json'],
  load: async () => (await import('./doctor.ts')).doctor,
};

const REVOKE: Command = {
  name: 'revoke',
  synopsis: '<resource> [options]',
  summary: 'takes a lock away from its holder',
  details: [
    'Shows the holder, asks for confirmation, and takes the lock away. A holder that extends its lock automatically notices within a third of its ttl. Otherwise the lock expires. Nobody else gets the lock before it would have expired.',
    'Without a terminal there is nobody to ask: then --yes is needed.',
  ],
  options: [{ name: 'yes', help: 'do not ask' }, JSON_OPTION],
  usesNodes: true,
  exitCodes: [
    ['0', 'the lock is revoked'],
    ['3', 'nothing was revoked: nobody holds the resource, it is no lock, or you said no'],
    ['64', 'wrong usage'],
    ['69', 'too few nodes answered: the lock is perhaps not revoked'],
  ],
  examples: ['quorlock revoke nightly-report', 'quorlock revoke nightly-report --yes --json'],
  load: async () => (await import('./revoke.ts')).revoke,
};

const WATCH: Command = {
  name: 'watch',
  synopsis: '[resource…] [options]',
  summary: 'shows nodes and resources as they change',
  details: [
    'On a terminal: tables of the nodes and the resources, until Ctrl-C. Otherwise: a line for each state at first, and one for each change.',
  ],
  options: [
    { name: 'interval', value: 'TIME', help: 'how often to look, at least 100ms (default: 1s)' },
    JSON_OPTION,
  ],
  usesNodes: true,
  exitCodes: [
    ['0', 'ended by Ctrl-C (SIGINT), or because nobody reads its output any more'],
    ['64', 'wrong usage'],
    ['128 + n', 'ended by signal n'],
  ],
  examples: [
    'quorlock watch',
    'quorlock watch nightly-report deploy --interval 5s',
    'quorlock watch deploy --json >>locks.log',
  ],
  load: async () => (await import('./watch.ts')).watch,
};

const DEMO: Command = {
  name: 'demo',
  synopsis: '',
  summary: 'a short show with nodes in memory; needs no Redis',
  details: ['Workers compete for a lock while nodes fail and the lock is revoked. Takes about 5 seconds.'],
  options: [JSON_OPTION],
  usesNodes: false,
  exitCodes: [
    ['0', 'no addition was lost'],
    ['3', 'the lock did not do its work'],
    ['64', 'wrong usage'],
  ],
  examples: ['quorlock demo'],
  load: async () => (await import('./demo.ts')).demo,
};

export const COMMANDS: readonly Command[] = [RUN, INSPECT, NODES, DOCTOR, REVOKE, WATCH, DEMO];
