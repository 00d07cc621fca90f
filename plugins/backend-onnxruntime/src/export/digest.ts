import { createHash } from 'node:crypto';

/** Key of the digest in the file's metadata. */
const NAME = 'dinomix.sha256';
const DIGITS = 64;

/**
 * The entry of `metadata_props` (field 14 of ONNX's ModelProto, an entry of key and value) without its value. A protocol
 * buffer may name a repeated field anywhere: at the end of the file the entry stands behind all that it vouches for.
 */
const HEAD = Buffer.from([
  (14 << 3) | 2,
  4 + NAME.length + DIGITS,
  0x0a,
  NAME.length,
  ...Buffer.from(NAME),
  0x12,
  DIGITS,
]);

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The file with the sha256 of all its bytes, graph, weights and metadata, behind them as one more entry of its metadata. */
export function withDigest(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.concat([bytes, HEAD, Buffer.from(sha256(bytes))]));
}

function contentLength(bytes: Uint8Array): number {
  return bytes.byteLength - HEAD.byteLength - DIGITS;
}

/** The digest that a file carries, which {@link checkDigest} compares; undefined where it carries none. */
export function digestIn(bytes: Uint8Array): string | undefined {
  const end = contentLength(bytes);
  if (end < 0 || !HEAD.equals(bytes.subarray(end, end + HEAD.byteLength))) return undefined;
  return Buffer.from(bytes.subarray(end + HEAD.byteLength)).toString('latin1');
}

/** Whether a file is as {@link withDigest} made it; `none` where it carries no digest. */
export function checkDigest(bytes: Uint8Array): 'whole' | 'damaged' | 'none' {
  const found = digestIn(bytes);
  if (found === undefined) return 'none';
  return found === sha256(bytes.subarray(0, contentLength(bytes))) ? 'whole' : 'damaged';
}
