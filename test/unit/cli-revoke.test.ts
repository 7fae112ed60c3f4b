import { expect, it } from 'vitest';
import { revokeIfAgreed } from '../../src/cli/revoke.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

const agrees = (): Promise<boolean> => Promise.reject(new Error('there is nothing to ask'));

it('takes no lock away from somebody who took it after nobody was seen to hold it', async () => {
  const { redlock, another } = memoryRedlock(3);
  const operator = another();
  const seen = await operator.inspect('r');
  await using _lock = await redlock.acquire('r');
  expect(await revokeIfAgreed(operator, 'r', seen, agrees)).toMatchObject({ outcome: 'free' });
  expect(await operator.inspect('r')).toMatchObject({ state: 'held' });
});
