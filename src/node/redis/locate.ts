import type { Address } from '../../link/link.ts';

/** Where a server is, as users and other servers say it: by name or IP address, or by the path of a unix socket. */
export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Finds out where to connect to, each time anew: looks up a name, asks a Sentinel. `found` is called once, never before this
 * returns: with an error, or with at least one address, the best first. The function returned ends the search; then `found` is
 * not called any more.
 */
export type Locate = (found: (error: Error | null, addresses: readonly Address[]) => void) => () => void;
