/* A process with proxies between clients and servers, so that what they do costs the measured process nothing. */
import { startProxy, type TcpProxy } from '../../../test/support/tcp-proxy.ts';
import { serve } from '../child.ts';
import type { Verbs } from './proxies.ts';

let proxies: TcpProxy[] = [];

const verbs: Verbs = {
  open: async ({ ports }) => {
    proxies = await Promise.all(ports.map((port) => startProxy(port)));
    return { urls: proxies.map(({ url }) => url) };
  },
  delay: async ({ delays }) => {
    for (const [i, proxy] of proxies.entries()) proxy.delay(delays[i] ?? 0);
  },
};

serve(verbs);
