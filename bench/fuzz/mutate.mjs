import { createRng } from '@dinomix/volume';

// What makes sizes, offsets and counts wrong.
const NUMBERS = [0, 1, -1, 7, 255, 256, 32767, -32768, 65535, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, 1e9];
const REALS = [0, -0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, 1e30, 3.4e38, 0.5];
const WORDS = [
  '0',
  '-1',
  '1',
  '2000000000',
  '99999999999999999999',
  'nan',
  '1e308',
  '',
  'x',
  '1 1 1 1 1 1 1 1',
  '../../etc/passwd',
  '\0',
  '{',
  '%s',
];
const VALUES = [
  null,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  'x',
  '',
  '\u0000\u001b[31m',
  [],
  {},
  [[[]]],
  true,
  '__proto__',
  [1e9, 1e9, 1e9],
];
const HEADER = 600;

/** Seeded choices for one input. */
export function choices(seed, kind, index) {
  const rng = createRng({ seed, stream: `fuzz/${kind}`, step: index });
  const below = (count) => Math.min(count - 1, Math.floor(rng.uniform() * count));
  return { below, of: (list) => list[below(list.length)] };
}

function flipBit(bytes, { below }) {
  bytes[below(bytes.length)] ^= 1 << below(8);
  return bytes;
}

function writeNumber(bytes, at, { below, of }) {
  const width = of([1, 2, 4, 8]);
  if (at + width > bytes.length) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = below(2) === 0;
  if (width === 8) view.setBigInt64(at, BigInt(of(NUMBERS)), little);
  else if (width === 4 && below(2) === 0) view.setFloat32(at, of(REALS), little);
  else if (width === 4) view.setInt32(at, of(NUMBERS), little);
  else if (width === 2) view.setInt16(at, of(NUMBERS), little);
  else bytes[at] = below(256);
  return bytes;
}

/** One word or number of a text becomes another one. */
function changeWord(bytes, { below, of }) {
  const text = bytes.toString('latin1', 0, 4000);
  const words = [...text.matchAll(/[\w.+-]+/g)];
  if (words.length === 0) return bytes;
  const word = words[below(words.length)];
  const start = Buffer.from(text.slice(0, word.index) + of(WORDS), 'latin1');
  return Buffer.concat([start, bytes.subarray(word.index + word[0].length)]);
}

const BYTE_CHANGES = [
  (bytes, pick) => writeNumber(bytes, pick.below(Math.min(bytes.length, HEADER)), pick),
  (bytes, pick) => writeNumber(bytes, pick.below(bytes.length), pick),
  flipBit,
  (bytes, { below }) => bytes.subarray(0, below(bytes.length)),
  (bytes, { below }) => Buffer.concat([bytes, Buffer.alloc(1 + below(200), below(256))]),
  (bytes, { below }) => {
    const at = below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(16))]);
  },
  (bytes, { below }) => {
    const at = below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 1 - below(64)))]);
  },
  (bytes, { below }) => bytes.fill(below(256), below(bytes.length), below(bytes.length)),
  changeWord,
];

/** Damages bytes in one to three places. */
export function damagedBytes(sound, pick) {
  let bytes = Buffer.from(sound);
  for (let count = 1 + pick.below(3); count > 0 && bytes.length > 0; count--)
    bytes = pick.of(BYTE_CHANGES)(bytes, pick);
  return bytes;
}

/** Damages the text of a format with a header of words: mostly its words. */
export function damagedText(sound, pick) {
  let bytes = Buffer.from(sound);
  for (let count = 1 + pick.below(2); count > 0; count--) bytes = changeWord(bytes, pick);
  return pick.below(4) === 0 && bytes.length > 0 ? damagedBytes(bytes, pick) : bytes;
}

/** A value somewhere inside of a document becomes another one, goes away or is doubled. */
function changeValue(document, { below, of }) {
  const places = [];
  const visit = (parent) => {
    for (const key of Object.keys(parent)) {
      places.push([parent, key]);
      if (typeof parent[key] === 'object' && parent[key] !== null) visit(parent[key]);
    }
  };
  visit(document);
  if (places.length === 0) return;
  const [parent, key] = places[below(places.length)];
  if (below(5) === 0) delete parent[key];
  else parent[key] = structuredClone(of(VALUES));
}

/** Damages JSON: mostly one or two of its values, now and then its text. */
export function damagedJson(sound, pick) {
  const document = JSON.parse(sound);
  for (let count = 1 + pick.below(2); count > 0; count--) changeValue(document, pick);
  const text = Buffer.from(JSON.stringify(document));
  return pick.below(4) === 0 ? damagedBytes(text, pick) : text;
}
