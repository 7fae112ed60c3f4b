import type { OptionSpec } from './command-line.ts';

/** The options that say where the nodes are. Apart from what reads them, because the help needs only these. */
export const CONNECTION_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'node',
    value: 'URL',
    repeated: true,
    help: 'a node, such as redis://host:6379 or rediss://host; repeat it for each node (default: QUORLOCK_NODES)',
  },
  {
    name: 'username',
    value: 'NAME',
    help: 'user of the nodes whose URL has neither user nor password; needs --password-file',
  },
  { name: 'password-file', value: 'FILE', help: 'file with the password of these nodes' },
  {
    name: 'tls-ca',
    value: 'FILE',
    help: 'certificates (PEM) of the authorities to trust, for rediss:// nodes',
  },
  { name: 'tls-cert', value: 'FILE', help: 'certificate (PEM) that this client shows; needs --tls-key' },
  { name: 'tls-key', value: 'FILE', help: 'private key (PEM) of that certificate' },
  {
    name: 'key-prefix',
    value: 'TEXT',
    help: 'put before each resource to make its key; as in your processes',
  },
  { name: 'restart-guard', value: 'MODE', help: 'auto, strict or off; as in your processes (default: auto)' },
  { name: 'max-ttl', value: 'TIME', help: 'the largest ttl in use; as in your processes (default: 30s)' },
  { name: 'node-timeout', value: 'TIME', help: "how long to wait for a node's answer (default: 500ms)" },
];
