/**
 * Names the errors of a class. By a literal, because bundlers rename classes; and on the prototype, so that the stack
 * begins with it, and subclasses of users have the name too unless they set their own.
 */
export function nameErrors(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true });
}
