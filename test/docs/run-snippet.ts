import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

// The child process of `run()`: an example has run when its module has been evaluated.
const [, , path] = process.argv;
if (path === undefined) throw new Error('usage: run-snippet.ts <file>');
await import(pathToFileURL(path).href);
await setImmediate(); // Lets a rejection that nobody handled end the process first.
process.exit(0);
