/** Makes sure that there is a Redis (or Valkey) server for the tests: `npx tsx scripts/ensure-redis.ts`. */
import { redisBinary } from '../test/support/redis-binary.ts';
import { aptInstall, canInstall } from './apt-install.ts';

if (!redisBinary()) {
  const can = canInstall();
  console.log(`neither redis-server nor valkey-server is on PATH${can ? '; installing redis-server' : ''}`);
  if (can) aptInstall('redis-server');
  else explain();
}

function explain(): void {
  console.log('install it with one of:');
  console.log('  macOS          brew install redis');
  console.log('  Debian, Ubuntu sudo apt-get install redis-server');
  console.log('  Fedora         sudo dnf install valkey');
  process.exitCode = 1;
}
