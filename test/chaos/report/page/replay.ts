import type { Summary } from '../report.ts';
import { element } from './elements.ts';

/** The command that replays the run, and a button that copies it. */
export function replayOf({ command }: Summary): HTMLElement[] {
  const code = element('code', {}, command);
  const button = element('button', { type: 'button' }, 'Copy');
  button.addEventListener('click', () => {
    void copied(command, code).then((isCopied) => {
      button.textContent = isCopied ? 'Copied' : 'Selected';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 1500);
    });
  });
  return [element('span', {}, 'Replay'), code, button];
}

/** Where the clipboard is not allowed, the text is selected instead. */
async function copied(words: string, code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    window.getSelection()?.selectAllChildren(code);
    return false;
  }
}
