const LENGTH = 16;

const FORM = /^[0-9a-f]{40}(@[!-~]{1,64})?$/;

/** What stands under a key that is no lock of quorlock's: a string of another form, or a key of another type. */
export type Foreign = 'value' | 'type';

/** Whether the value of a key is an owner token of quorlock's: 160 bits in hexadecimal digits, then perhaps `@` and a label. */
export function isOwnerToken(value: string): boolean {
  return FORM.test(value);
}

/** Tells owners apart without giving away their tokens: the first 16 of a token's 40 random digits. 96 secret bits remain. */
export function ownerOf(ownerToken: string): string {
  return ownerToken.slice(0, LENGTH);
}
