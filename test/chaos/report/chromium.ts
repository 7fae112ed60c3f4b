import { accessSync, constants } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

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

/** A headless Chromium, the machine's own: the path is in CHROMIUM_PATH if it is not Debian's. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  try {
    accessSync(executablePath, constants.X_OK);
  } catch (cause) {
    throw new Error(
      `no Chromium at ${executablePath}: install it (Debian: apt-get install -y chromium), or tell where it is in CHROMIUM_PATH`,
      { cause },
    );
  }
  return await chromium.launch({ executablePath, args: FLAGS });
}
