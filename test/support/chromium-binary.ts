import { onPath } from './redis-binary.ts';

/** The browser that shows pages to tests: `CHROMIUM_PATH`, or else the first on PATH that would do. */
export function chromiumBinary(): string | undefined {
  return process.env['CHROMIUM_PATH'] ?? onPath('chromium', 'chromium-browser', 'google-chrome');
}
