/** What is wrong with a JSON text, and where. */
export interface JsonMistake {
  /** Index of the character in the text. */
  readonly index: number;
  readonly problem: string;
}

// No document that a person writes is nested so deep.
const DEEPEST = 200;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[\p{L}\p{N}_$+\-.]+/uy;
const BLANKS = /[ \t\r\n]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

class Mistake extends Error {
  readonly index: number;

  constructor(index: number, problem: string) {
    super(problem);
    this.index = index;
  }
}

/** Reads a JSON text by its grammar, for what is wrong with it. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value(0);
    this.#blanks();
    if (this.#at < this.#text.length) this.#fail(`${this.#found()} stands behind the end of the document`);
  }

  #fail(problem: string, index = this.#at): never {
    throw new Mistake(index, problem);
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #takes(character: string): boolean {
    const isThere = this.#text[this.#at] === character;
    if (isThere) this.#at++;
    return isThere;
  }

  /** What stands here, in words. */
  #found(): string {
    const { length } = this.#text;
    return this.#at >= length
      ? 'the end of the file'
      : JSON.stringify(String.fromCodePoint(this.#text.codePointAt(this.#at)!));
  }

  #blanks(): void {
    this.#take(BLANKS);
    const here = this.#text[this.#at];
    const isRemark = here === '#' || (here === '/' && '/*'.includes(this.#text[this.#at + 1] ?? ' '));
    if (isRemark) this.#fail('JSON has no remarks: take the one that begins here out');
  }

  #value(depth: number): void {
    if (depth > DEEPEST) this.#fail(`is nested deeper than ${DEEPEST}`);
    this.#blanks();
    if (this.#takes('{')) this.#object(depth);
    else if (this.#takes('[')) this.#list(depth);
    else if (this.#text[this.#at] === '"') this.#string();
    else this.#word();
  }

  /** A number, true, false or null. */
  #word(): void {
    const start = this.#at;
    if (this.#take(NUMBER) !== null && this.#take(WORD) === null) return;
    this.#at = start;
    const word = this.#take(WORD);
    if (word === 'true' || word === 'false' || word === 'null') return;
    this.#at = start;
    if (this.#text[start] === "'") this.#fail('texts stand in double quotes');
    if (word === null) this.#fail(`a value is missing before ${this.#found()}`);
    this.#fail(`${word} is no value: texts stand in double quotes, and there are true, false and null`);
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      this.#plain();
      if (this.#takes('"')) return JSON.parse(this.#text.slice(start, this.#at)) as string;
      if (this.#take(ESCAPE) !== null) continue;
      if (this.#at >= this.#text.length) this.#fail('a text begins here and does not end', start);
      if (this.#text[this.#at] === '\\') this.#fail('a \\ in a text is written \\\\');
      this.#fail('a text begins here and is not closed on its line', start);
    }
  }

  /** What a text may hold as it is. */
  #plain(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]!;
      if (character < ' ' || character === '"' || character === '\\') return;
    }
  }

  #key(known: Set<string>): void {
    const start = this.#at;
    if (this.#text[start] !== '"') this.#fail(`a name in double quotes is due, not ${this.#found()}`);
    const name = this.#string();
    if (known.has(name)) this.#fail(`the name ${JSON.stringify(name)} is there twice`, start);
    known.add(name);
    this.#blanks();
    if (!this.#takes(':')) this.#fail(`a colon is missing before ${this.#found()}`);
  }

  #object(depth: number): void {
    const known = new Set<string>();
    this.#members('}', () => {
      this.#key(known);
      this.#value(depth + 1);
    });
  }

  #list(depth: number): void {
    this.#members(']', () => this.#value(depth + 1));
  }

  #members(end: string, member: () => void): void {
    this.#blanks();
    if (this.#takes(end)) return;
    for (;;) {
      member();
      this.#blanks();
      if (this.#takes(end)) return;
      const comma = this.#at;
      if (!this.#takes(',')) this.#fail(`a comma or ${end} is missing before ${this.#found()}`);
      this.#blanks();
      if (this.#text[this.#at] === end) this.#fail(`the comma before ${end} is one too many`, comma);
    }
  }
}

/**
 * Returns the first mistake in a JSON text, or null. A name that an object has twice is one: `JSON.parse` would take the last
 * value and lose the other without a word.
 */
export function jsonMistake(text: string): JsonMistake | null {
  try {
    new Reader(text).document();
    return null;
  } catch (thrown) {
    if (thrown instanceof Mistake) return { index: thrown.index, problem: thrown.message };
    throw thrown;
  }
}
