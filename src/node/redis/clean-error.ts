import { cut } from '../../quote.ts';

/** What must not appear in an error, beside the same in percent-encoding. */
export interface Credentials {
  /** Replaced wherever they stand. */
  readonly passwords: readonly string[];
  /** Replaced as whole words. */
  readonly users: readonly string[];
  /** The name of the node, which is no secret. */
  readonly node: string;
}

/** A server may echo a key, whose name may be long. */
const LONGEST_MESSAGE = 500;

/**
 * An error as quorlock shows it: name, message and code, without the command and its arguments that the client
 * attaches, and without any user or password that a server echoed.
 */
export function cleanError(error: Error, credentials: Credentials): Error {
  const { code } = error as NodeJS.ErrnoException;
  const clean = new Error(cut(redact(messageOf(error) || code || error.name, credentials), LONGEST_MESSAGE));
  clean.name = error.name;
  return typeof code === 'string' ? Object.assign(clean, { code }) : clean;
}

/** Leaves the code that an error begins with alone: it says what to do, also if a user is called the same. */
function redact(message: string, { passwords, users, node }: Credentials): string {
  const code = /^([A-Z]{3,}\b)?/.exec(message)?.[0] ?? '';
  const withoutPasswords = longestFirst(passwords).reduce(
    (text, password) => text.replaceAll(password, '***'),
    message.slice(code.length),
  );
  return (
    code +
    longestFirst(users).reduce((text, user) => text.replace(mentions(user, node), '***'), withoutPasswords)
  );
}

/** One text may be a part of another. */
function longestFirst(texts: readonly string[]): string[] {
  return [...texts].sort((a, b) => b.length - a.length);
}

/** Words that servers and clients use in their own messages, and that may also be names of users. */
const ORDINARY = new Set(
  `access acl and any are arguments auth channel channels client cluster command commands connect connection default
  does error for from has host info invalid its key keys lock locks master name node not one pair password permissions
  read redis replica run running script server set subcommand the this timeout used user username valkey with write wrong`.split(
    /\s+/,
  ),
);

/** What servers put before the name of a user that they echo: `User app has no permissions`, `user 'app'`, `AUTH app`. */
const ECHO = String.raw`\bUser |\b[Uu]ser(?:name)? ?[:=]? ?['"\x60]|\b[Uu]ser(?:name)? ?[:=] ?|\b(?:AUTH|auth)['"\x60]?,? ['"\x60]?`;

/**
 * Matches a user's name as a whole word, but not within the name of a host. A name that is also an ordinary word matches only where
 * servers echo users, and in URLs.
 */
function mentions(user: string, node: string): RegExp {
  const name = user.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  const word = String.raw`${name}(?![\p{L}\p{N}_-]|\.[\p{L}\p{N}])`;
  const isOrdinary = user.length <= 2 || ORDINARY.has(user.toLowerCase()) || node.includes(user);
  return new RegExp(
    isOrdinary
      ? String.raw`(?<=${ECHO})${word}|(?<=//)${name}(?=(?::[^/\s]*)?@)`
      : String.raw`(?<![\p{L}\p{N}_.-])${word}`,
    'gu',
  );
}

/** Some errors only wrap the one that says what happened: one per address tried, or the last of a cluster's nodes. */
function messageOf(error: Error): string {
  // Servers echo the arguments of a command that they do not know, and owner tokens may be among them.
  const echo = /^ERR unknown command .*?(?=, with args beginning with)/s.exec(error.message);
  if (echo) return echo[0];
  // ioredis advises on its own options, which are not the user's to set.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost before an answer came';
  if (error.message.startsWith("Stream isn't writeable")) return 'the connection was lost';
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  const { lastNodeError } = error as { lastNodeError?: unknown };
  return lastNodeError instanceof Error ? lastNodeError.message : error.message;
}
