import { existsSync } from 'node:fs';
import { chromiumBinary } from '../test/support/chromium-binary.ts';
import { onPath, redisBinary } from '../test/support/redis-binary.ts';

/** A program of the machine's, that no package of npm brings. */
export interface Tool {
  readonly isThere: () => boolean;
  /** Debian's packages. */
  readonly packages: readonly string[];
  /** How else to get it, a line each. */
  readonly otherwise: readonly string[];
}

export type ToolName = 'redis' | 'openssl' | 'iptables' | 'chromium' | 'docker';

export const TOOLS: Readonly<Record<ToolName, Tool>> = {
  redis: {
    isThere: () => redisBinary() !== undefined,
    packages: ['redis-server'],
    otherwise: ['macOS: brew install redis', 'Fedora: sudo dnf install valkey'],
  },
  openssl: {
    isThere: () => onPath('openssl') !== undefined,
    packages: ['openssl'],
    otherwise: ['macOS: brew install openssl', 'Fedora: sudo dnf install openssl'],
  },
  iptables: {
    isThere: () => onPath('iptables') !== undefined || existsSync('/usr/sbin/iptables'),
    packages: ['iptables'],
    otherwise: ['Linux only'],
  },
  chromium: {
    isThere: () => chromiumBinary() !== undefined,
    packages: ['chromium'],
    otherwise: ['Ubuntu: sudo snap install chromium', 'any Chromium or Chrome, its path in CHROMIUM_PATH'],
  },
  docker: {
    isThere: () => onPath('dockerd') !== undefined,
    packages: ['docker.io', 'docker-compose'],
    otherwise: ['https://docs.docker.com/engine/install'],
  },
};
