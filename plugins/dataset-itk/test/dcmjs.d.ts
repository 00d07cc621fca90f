/** The part of dcmjs that the tests read segmentations with. */
declare module 'dcmjs' {
  interface NaturalItem {
    readonly [keyword: string]: unknown;
  }
  const dcmjs: {
    readonly data: {
      readonly DicomMessage: { readFile(bytes: ArrayBuffer): { readonly dict: unknown } };
      readonly DicomMetaDictionary: { naturalizeDataset(dict: unknown): NaturalItem };
      readonly BitArray: { unpack(bits: ArrayBuffer): Uint8Array };
      readonly Colors: { dicomlab2RGB(lab: readonly number[]): readonly [number, number, number] };
    };
  };
  export default dcmjs;
}
