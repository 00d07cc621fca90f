import { stat } from 'node:fs/promises';
import { readRegularFile } from '@dinomix/volume';
import { dmxError } from '../errors/codes.js';
import { isDmxError, reasonOf } from '../errors/dmx-error.js';
import { jsonMistake } from './syntax.js';

/** The most bytes of a document, unless the caller says otherwise: a list of all cases of a large data set is some megabytes. */
const LONGEST_DOCUMENT = 2 ** 26;
/** Characters of a line that a message shows before and behind the mistake. */
const SHOWN = 60;

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** As the byte order mark says, or where there is none the zero bytes of its first character, which is ASCII in JSON. */
function encodingOf(bytes: Uint8Array): Encoding {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le';
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be';
  return 'utf-8';
}

function textOf(bytes: Uint8Array, file: string): string {
  const encoding = encodingOf(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    const reason = `its bytes are no text in ${encoding.toUpperCase()}`;
    throw dmxError('DMX_JSON_DOCUMENT', { file, reason, fix: 'save it as UTF-8' }, { cause });
  }
}

/** The part of the line around a character, and the same width of blanks up to it. */
function excerpt(text: string, index: number): { line: number; column: number; shown: string; pointer: string } {
  const before = text.slice(0, index);
  const start = before.lastIndexOf('\n') + 1;
  const end = text.indexOf('\n', index);
  const whole = text.slice(start, end < 0 ? undefined : end);
  const column = index - start;
  const from = Math.max(0, column - SHOWN);
  const clean = (part: string) => part.replace(/\p{Cc}/gu, ' ');
  const dots = from > 0 ? '...' : '';
  return {
    line: before.split('\n').length,
    column: column + 1,
    shown: `${dots}${clean(whole.slice(from, column + SHOWN))}${whole.length > column + SHOWN ? '...' : ''}`,
    pointer: ' '.repeat(dots.length + column - from),
  };
}

/**
 * Reads the text of a JSON document. A byte order mark is left out.
 * @param file - for messages
 * @throws DmxError `DMX_JSON_DOCUMENT` with line, column and the line of the first mistake; a name that an object has twice is
 * one.
 */
export function parseJsonDocument(text: string, file: string): unknown {
  const content = text.startsWith('\ufeff') ? text.slice(1) : text;
  const mistake = jsonMistake(content);
  if (mistake === null) return JSON.parse(content);
  const { line, column, shown, pointer } = excerpt(content, mistake.index);
  const number = `  ${line} | `;
  const reason = `line ${line}, column ${column}: ${mistake.problem}\n${number}${shown}\n${' '.repeat(number.length)}${pointer}^`;
  throw dmxError('DMX_JSON_DOCUMENT', { file, reason, fix: 'correct that place' });
}

/**
 * Reads a JSON document that a person may have written: UTF-8 with or without a byte order mark, or UTF-16.
 *
 * @param longest - bytes; a longer file is refused before it is read
 * @throws DmxError `DMX_JSON_DOCUMENT` when it cannot be read or is no JSON; `cause` is the error of the system where there is
 * one.
 */
export async function readJsonDocument(file: string, longest = LONGEST_DOCUMENT): Promise<unknown> {
  const fail = (reason: string, fix: string, cause?: unknown) =>
    dmxError('DMX_JSON_DOCUMENT', { file, reason, fix }, { cause });
  let bytes: Uint8Array;
  try {
    const found = await stat(file);
    if (!found.isFile()) throw fail('is no regular file', 'name the JSON document itself');
    if (found.size > longest) throw fail(`has ${found.size} bytes, the limit is ${longest}`, 'name a JSON document');
    bytes = await readRegularFile(file);
  } catch (cause) {
    throw isDmxError(cause) ? cause : fail(`cannot be read: ${reasonOf(cause)}`, 'check the path and the file', cause);
  }
  return parseJsonDocument(textOf(bytes, file), file);
}
