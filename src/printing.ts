import { type InspectOptions, inspect } from 'node:util';

/** How deep the fields go: to those of each node. They are few, so all are shown, however deep the object itself is. */
const DEPTH = 2;

/** Makes `console.log` show the objects of a class by this name, which bundlers change, and by what `toJSON` says. */
export function printAs(name: string, { prototype }: { readonly prototype: { toJSON(): object } }): void {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: { toJSON(): object }, depth: number, options: InspectOptions): string {
      return depth < 0 ? `[${name}]` : `${name} ${inspect(this.toJSON(), { ...options, depth: DEPTH })}`;
    },
  });
}
