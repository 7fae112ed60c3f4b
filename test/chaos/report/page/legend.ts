import { element } from './elements.ts';
import { CLIENT_STATES, NODE_STATES, type Palette, type State } from './palette.ts';
import { swatch, variable } from './tooltip.ts';

/** What colours mean, of nodes and of clients. */
export function legend(): HTMLElement[] {
  return [part('Nodes', NODE_STATES), part('Clients', CLIENT_STATES), part('Marks', ['fault', 'violation'])];
}

function part(title: string, states: readonly (State | 'violation')[]): HTMLElement {
  return element(
    'span',
    { class: 'part' },
    element('b', {}, title),
    ...states.map((state) => element('span', { class: 'key' }, swatch(state), state)),
  );
}

/** For swatches, wherever they are. */
export function setColours({ states, violation }: Palette): void {
  const { style } = document.documentElement;
  for (const [state, colour] of Object.entries(states))
    style.setProperty(`--${variable(state as State)}`, colour);
  style.setProperty(`--${variable('violation')}`, violation);
}
