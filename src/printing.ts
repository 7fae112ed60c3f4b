import { type InspectOptions, inspect } from 'node:util';

/** Deep enough for the fields of each node. They are few, so they are always shown, however deeply nested the object itself is. */
const DEPTH = 2;

/** Makes `console.log` show the objects of a class under this name, as bundlers rename classes, with the fields of `toJSON`. */
export function printAs(name: string, { prototype }: { readonly prototype: { toJSON(): object } }): void {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: { toJSON(): object }, depth: number, options: InspectOptions): string {
      return depth < 0 ? `[${name}]` : `${name} ${inspect(this.toJSON(), { ...options, depth: DEPTH })}`;
    },
  });
}
