/**
 * An error as quorlock shows it: name, message and code, without the command and its arguments that the client
 * attaches, and without any secret that a server echoed.
 */
export function cleanError(error: Error, secrets: readonly string[]): Error {
  const { code } = error as NodeJS.ErrnoException;
  const clean = new Error(redact(messageOf(error) || code || error.name, secrets));
  clean.name = error.name;
  return typeof code === 'string' ? Object.assign(clean, { code }) : clean;
}

/** Leaves the code that an error begins with alone: it says what to do, also if a user is called the same. */
function redact(message: string, secrets: readonly string[]): string {
  const code = /^([A-Z]{3,}\b)?/.exec(message)?.[0] ?? '';
  // The longest first: one secret may be a part of another.
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  return (
    code + longestFirst.reduce((text, secret) => text.replaceAll(secret, '***'), message.slice(code.length))
  );
}

/** Some errors only wrap the one that says what happened: one per address tried, or the last of a cluster's nodes. */
function messageOf(error: Error): string {
  // ioredis advises on its own options, which are not the user's to set.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost before an answer came';
  if (error.message.startsWith("Stream isn't writeable")) return 'the connection was lost';
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  const { lastNodeError } = error as { lastNodeError?: unknown };
  return lastNodeError instanceof Error ? lastNodeError.message : error.message;
}
