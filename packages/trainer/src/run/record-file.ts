/** Name of the record in a run folder. */
export const RECORD_FILE = 'record.json';
