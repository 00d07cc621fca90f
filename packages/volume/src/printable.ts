// Control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction of text.
const UNSEEN = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * A text as it may be shown to a person: what would steer a terminal or turn the reading direction is written as JSON escapes
 * it (`\u001b`), so that JSON text keeps its meaning. Ends of lines and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(UNSEEN, (character) =>
    character === '\n' || character === '\t' ? character : escaped(character),
  );
}

/** {@link printable} for names and other values that belong on one line: ends of lines and tabs are escaped too. */
export function printableLine(text: string): string {
  return text.replace(UNSEEN, escaped);
}
