import type { DataSet } from 'dicom-parser';

// SpecificCharacterSet (PS3.3 C.12.1.1.2) without "ISO_IR " and "ISO 2022 IR " by the name of its encoding.
const ENCODINGS: Readonly<Record<string, string>> = {
  '6': 'windows-1252',
  '100': 'windows-1252',
  '101': 'iso-8859-2',
  '109': 'iso-8859-3',
  '110': 'iso-8859-4',
  '144': 'iso-8859-5',
  '127': 'iso-8859-6',
  '126': 'iso-8859-7',
  '138': 'iso-8859-8',
  '148': 'windows-1254',
  '203': 'iso-8859-15',
  '13': 'shift_jis',
  '166': 'windows-874',
  '87': 'iso-2022-jp',
  '159': 'iso-2022-jp',
  '149': 'euc-kr',
  '58': 'gb18030',
  '192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/** With code extensions the last set decides: it contains ASCII and the letters of its country. */
function encodingOf(dataSet: DataSet): string {
  const sets = (dataSet.string('x00080005') ?? '').split('\\').filter((name) => name.trim() !== '');
  const last = (sets.at(-1) ?? 'ISO_IR 6').replace(/^ISO[_ ](2022 )?IR /, '').trim();
  return ENCODINGS[last] ?? 'windows-1252';
}

// Korean and Chinese sets announce themselves by an escape that their decoders do not know.
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\u001b\$\)[AC]/g;

/** The text of an attribute, decoded by the character set of its file; '' where there is none. */
export function decodedText(dataSet: DataSet, tag: string, root: DataSet = dataSet): string {
  const element = dataSet.elements[tag];
  if (element === undefined || element.length === 0) return '';
  const bytes = dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  const text = new TextDecoder(encodingOf(root)).decode(bytes);
  return text.replaceAll(ESCAPES, '').replace(/[\0 ]+$/, '');
}
