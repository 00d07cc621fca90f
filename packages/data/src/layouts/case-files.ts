/** The files of one case, absolute paths. */
export interface CaseFiles {
  readonly id: string;
  readonly image: string;
  /** Null where there is no such file. Whether it may be read depends on the split. */
  readonly label: string | null;
  /** Whether the layout keeps the case for testing. */
  readonly isTest: boolean;
}
