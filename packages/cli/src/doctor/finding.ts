/** One thing that `dinomix doctor` looked at. */
export interface Finding {
  readonly check: string;
  readonly state: 'good' | 'note' | 'warning' | 'error';
  /** What was found, in plain words. */
  readonly note: string;
  /** How to put it right. */
  readonly fix?: string;
}
