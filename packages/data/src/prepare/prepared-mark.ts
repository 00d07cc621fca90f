/** What a prepared file was made from. */
export interface PreparedMark {
  readonly stamp: string;
  readonly digests: { readonly image: string; readonly label: string | null };
}
