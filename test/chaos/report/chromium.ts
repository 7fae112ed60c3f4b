import { type Browser, chromium } from 'playwright-core';
import { chromiumBinary } from '../../support/chromium-binary.ts';

/** Nothing but what a test asks for: no account, no update, no network of its own. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A headless Chromium, the machine's own. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = chromiumBinary();
  if (!executablePath)
    throw new Error('there is no Chromium: `npm run tools -- chromium` installs it, or tells how to get it');
  return await chromium.launch({ executablePath, args: FLAGS });
}
