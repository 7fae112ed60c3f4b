import type { Credentials } from '../clean-error.ts';

/** Who logs in to a server. */
export interface Login {
  readonly username?: string | null | undefined;
  readonly password?: string | null | undefined;
}

/** Throws for a user or password that is not a string: it could not be kept out of errors. */
export function checkLogin(login: { username?: unknown; password?: unknown }, what: string): Login {
  for (const name of ['username', 'password'] as const) {
    const value = login[name];
    // The message does not show the value.
    if (typeof value !== 'string' && value !== undefined && value !== null)
      throw new TypeError(`${what}: ${name} must be a string, but is of type ${typeof value}`);
  }
  return login as Login;
}

/**
 * A password without a user is the password of the user `default`. Servers treat both the same, but without the name the clients
 * complain, or fail, when the server needs no password.
 */
export function fullLogin({ username, password }: Login): { username?: string; password?: string } {
  return {
    ...(username ? { username } : password ? { username: 'default' } : {}),
    ...(password ? { password } : {}),
  };
}

/** The first one that says anything. */
export function firstLogin(logins: readonly Login[]): Login {
  return logins.find(({ username, password }) => username || password) ?? {};
}

/** What errors of a node must not show. */
export function credentialsOf(logins: readonly Login[], node: string): Credentials {
  return {
    passwords: variants(logins.map(({ password }) => password)),
    // Every connection is of the user `default` at first: the name is no secret.
    users: variants(logins.map(({ username }) => username)).filter((user) => user !== 'default'),
    node,
  };
}

/** As given, and percent-encoded. */
function variants(secrets: readonly (string | null | undefined)[]): string[] {
  const given = secrets.filter((secret) => typeof secret === 'string' && secret !== '') as string[];
  return [...new Set(given.flatMap((secret) => [secret, encodeURIComponent(secret)]))];
}
