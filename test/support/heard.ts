import { type ChannelListener, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';

/** What a channel publishes until the test is over, in order. `also`: called with each message, where it is published. */
export function heard<T>(channel: string, also: (message: T) => void = () => {}): readonly T[] {
  const messages: T[] = [];
  const listener: ChannelListener = (message) => {
    messages.push(message as T);
    also(message as T);
  };
  subscribe(channel, listener);
  onTestFinished(() => void unsubscribe(channel, listener));
  return messages;
}

const STAGES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

/** What a tracing channel publishes until the test is over, in order: the stage, the message, and a copy of it as it was then. */
export function traced<T extends object>(
  channel: string,
): readonly { readonly stage: (typeof STAGES)[number]; readonly event: T; readonly was: T }[] {
  const messages: { stage: (typeof STAGES)[number]; event: T; was: T }[] = [];
  const note = (stage: (typeof STAGES)[number]) => (message: unknown) => {
    messages.push({ stage, event: message as T, was: { ...(message as T) } });
  };
  const listeners = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  };
  const traces = tracingChannel(channel);
  traces.subscribe(listeners);
  onTestFinished(() => traces.unsubscribe(listeners));
  return messages;
}
