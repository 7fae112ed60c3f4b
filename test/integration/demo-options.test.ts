import { describe, expect, it } from 'vitest';
import { readOptions } from '../../examples/demo/options.ts';
import { enforceNoLeaks } from '../support/leaks.ts';

enforceNoLeaks();

describe("the demo's options", () => {
  it('all have defaults', async () => {
    expect(await readOptions([])).toEqual({
      nodes: undefined,
      memory: false,
      workers: 4,
      seconds: 10,
      ttl: 1000,
      locked: true,
    });
  });

  it.each([
    [['--sekonds', '3'], '--sekonds'],
    [['extra'], 'extra'],
    [['--workers', '0'], '--workers must be a whole number from 1 to 64, not "0"'],
    [['--workers', ''], '--workers must be a whole number from 1 to 64, not ""'],
    [['--seconds', 'ten'], '--seconds must be a number from 1 to 600, not "ten"'],
    [['--seconds', '2'], '--seconds must be at least 2.5, 2.5 times the ttl of 1000 ms, not 2'],
    [['--ttl', '1.5'], '--ttl must be a whole number'],
    [['--nodes', ''], 'nodes[0]'],
    [['--nodes', 'http://127.0.0.1'], 'nodes[0] must be a URL that begins with redis:// or rediss://'],
    [['--nodes', 'redis://127.0.0.1,redis://127.0.0.1'], 'nodes[1] is the same as nodes[0]'],
    [['--nodes', 'redis://127.0.0.1', '--memory'], '--nodes and --memory exclude each other'],
  ])('are refused as in %j', async (args, message) => {
    await expect(readOptions(args)).rejects.toThrow(message);
  });
});
