const LENGTH = 16;

const FORM = /^[0-9a-f]{40}(?:@([!-~]{1,64}))?$/;

/** What stands under a key that is no lock of quorlock's: a string of another form, or a key of another type. */
export type Foreign = 'value' | 'type';

/** Whether the value of a key is an owner token of quorlock's: 160 bits in hexadecimal digits, then perhaps `@` and a label. */
export function isOwnerToken(value: string): boolean {
  return FORM.test(value);
}

/** The value that an owner stores under its keys: 160 random bits, then its label, if it has one. */
export function ownerTokenOf(random: string, label: string | undefined): string {
  return label === undefined ? random : `${random}@${label}`;
}

/** The label in an owner token; undefined if it has none, or is no owner token of quorlock's. */
export function labelOf(ownerToken: string): string | undefined {
  return FORM.exec(ownerToken)?.[1];
}

/** Begins the owner token that a revoked lock leaves: nobody's, as no random part has only zeros. */
export const TOMBSTONE: string = '0'.repeat(40);

/** What a revoked lock leaves in place of its owner token. `label`: who has revoked it. */
export function tombstoneOf(label: string | undefined): string {
  return ownerTokenOf(TOMBSTONE, label);
}

/** Whether the value of a key is that of a revoked lock. */
export function isTombstone(value: string): boolean {
  return value.startsWith(TOMBSTONE) && isOwnerToken(value);
}

/** The same for what {@link ownerOf} makes of an owner token. */
export function isTombstoneOwner(owner: string): boolean {
  return owner === ownerOf(TOMBSTONE);
}

/** Tells owners apart without giving away their tokens: the first 16 of a token's 40 random digits. 96 secret bits remain. */
export function ownerOf(ownerToken: string): string {
  return ownerToken.slice(0, LENGTH);
}
