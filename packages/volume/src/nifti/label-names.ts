import { VolumeError } from '../errors.js';
import { labelColour } from '../label-colour.js';

/** Names of label values. */
export type LabelNames = ReadonlyMap<number, string>;

// TotalSegmentator writes its label table with code 0, and nibabel gives the text of such an extension; the registered code of
// Caret's XML is 30. Both are read.
const CODE = 0;
const LABEL = /<Label\b[^>]*?\bKey="(\d+)"[^>]*>([\s\S]*?)<\/Label>/g;

/**
 * Returns a header extension that holds label names as a Caret LabelTable: the form that Connectome Workbench and
 * TotalSegmentator read and write.
 */
export function encodeLabelNames(names: LabelNames, littleEndian: boolean): Uint8Array {
  const labels = [...names].sort(([a], [b]) => a - b).map(([value, name]) => labelElement(value, name));
  const xml =
    '<?xml version="1.0" encoding="UTF-8"?>\n<CaretExtension>\n<VolumeInformation Index="0">\n<LabelTable>\n' +
    `${labels.join('\n')}\n</LabelTable>\n<VolumeType><![CDATA[Label]]></VolumeType>\n</VolumeInformation>\n` +
    '</CaretExtension>\n';
  const text = Buffer.from(xml, 'utf8');
  const extension = Buffer.alloc(Math.ceil((text.length + 8) / 16) * 16);
  const view = new DataView(extension.buffer, extension.byteOffset, extension.byteLength);
  view.setInt32(0, extension.byteLength, littleEndian);
  view.setInt32(4, CODE, littleEndian);
  text.copy(extension, 8);
  return extension;
}

function labelElement(value: number, name: string): string {
  const [red, green, blue] = labelColour(value).map((channel) => Number((channel / 255).toFixed(3)));
  const quoted = name.replaceAll(']]>', ']]]]><![CDATA[>');
  const alpha = value === 0 ? 0 : 1;
  return `<Label Key="${value}" Red="${red}" Green="${green}" Blue="${blue}" Alpha="${alpha}"><![CDATA[${quoted}]]></Label>`;
}

/**
 * Returns the label names in the bytes between a NIfTI header and its voxels, or undefined if there are none.
 *
 * @param bytes - the four extension flags and all that follows up to the voxels
 * @throws VolumeError `DMX_NIFTI_EXTENSION` if an extension's size is wrong.
 */
export function decodeLabelNames(bytes: Uint8Array, littleEndian: boolean, file: string): LabelNames | undefined {
  if (bytes.byteLength < 4 || bytes[0] === 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 4;
  while (offset + 8 <= bytes.byteLength) {
    const size = view.getInt32(offset, littleEndian);
    if (size < 8 || offset + size > bytes.byteLength) {
      throw new VolumeError('DMX_NIFTI_EXTENSION', {
        file,
        problem: `has a header extension of ${size} bytes at byte ${offset} of ${bytes.byteLength}`,
        fix: 'write the file again without its header extensions',
      });
    }
    const names = parseLabelTable(Buffer.from(bytes.buffer, bytes.byteOffset + offset + 8, size - 8).toString('utf8'));
    if (names !== undefined) return names;
    offset += size;
  }
  return undefined;
}

function parseLabelTable(xml: string): LabelNames | undefined {
  const start = xml.indexOf('<LabelTable');
  if (start < 0) return undefined;
  const end = xml.indexOf('</LabelTable>', start);
  const table = xml.slice(start, end < 0 ? undefined : end);
  const names = new Map<number, string>();
  for (const [, value, content] of table.matchAll(LABEL)) names.set(Number(value), unquote(content!));
  return names;
}

function unquote(content: string): string {
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  const parts = content.split(/(<!\[CDATA\[[\s\S]*?\]\]>)/);
  const plain = (text: string) => text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name]!);
  return parts
    .map((part) => (part.startsWith('<![CDATA[') ? part.slice(9, -3) : plain(part)))
    .join('')
    .trim();
}
