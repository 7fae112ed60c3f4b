import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RedisOptions, type RedisServer, type ServerCertificate, startRedis } from './redis-server.ts';

export interface Certificate extends ServerCertificate {
  /** Deletes its files; servers that run with it do not mind. */
  remove(): Promise<void>;
}

/** A certificate for 127.0.0.1 and localhost that is its own authority. Needs `openssl`. */
export async function createCertificate(): Promise<Certificate> {
  const dir = await mkdtemp(join(tmpdir(), 'quorlock-tls-'));
  const certFile = join(dir, 'server.crt');
  const keyFile = join(dir, 'server.key');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const names = ['-subj', '/CN=quorlock tests', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  await promisify(execFile)('openssl', ['req', '-x509', ...key, ...names, '-days', '2', '-out', certFile]);
  return {
    ca: await readFile(certFile, 'utf8'),
    certFile,
    keyFile,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A server that answers TLS only. */
export function startTlsRedis(tls: ServerCertificate, options: RedisOptions = {}): Promise<RedisServer> {
  return startRedis({ ...options, tls });
}
