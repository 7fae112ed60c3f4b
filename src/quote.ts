/** How many characters of somebody else's text a message shows at most. */
const LONGEST = 64;
const LONGEST_SENTENCE = 200;

/** A sentence of somebody else's, such as a server's error, for use in a message. */
export function cut(text: string, longest: number = LONGEST_SENTENCE): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}… (${text.length} characters)`;
}

/** A name that users chose, in quotes. */
export function quote(name: string): string {
  if (name.length <= LONGEST) return JSON.stringify(name);
  return `${JSON.stringify(`${name.slice(0, LONGEST)}…`)} (${name.length} characters)`;
}

/** The first `most` of them, and how many more there are. */
export function enumerate(all: readonly string[], most: number): string {
  const more = all.length - most;
  return more <= 0 ? all.join(', ') : `${all.slice(0, most).join(', ')}, … and ${more} more`;
}
