/**
 * An error as quorlock shows it: name, message and code, without the command and its arguments that the client
 * attaches, and without any secret that a server echoed.
 */
export function cleanError(error: Error, secrets: readonly string[]): Error {
  const { code } = error as NodeJS.ErrnoException;
  let message = messageOf(error) || code || error.name;
  // The longest first: one secret may be a part of another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length))
    message = message.replaceAll(secret, '***');
  const clean = new Error(message);
  clean.name = error.name;
  return typeof code === 'string' ? Object.assign(clean, { code }) : clean;
}

/** Some errors only wrap the one that says what happened: one per address tried, or the last of a cluster's nodes. */
function messageOf(error: Error): string {
  // ioredis advises on its own options, which are not the user's to set.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost before an answer came';
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  const { lastNodeError } = error as { lastNodeError?: unknown };
  return lastNodeError instanceof Error ? lastNodeError.message : error.message;
}
