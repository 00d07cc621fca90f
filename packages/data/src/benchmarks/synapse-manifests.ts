import { idList } from '../splits/published-split.js';

/** A published split: parts that do not change with the number of labels, and the labelled lists by their share. */
export interface Manifest {
  readonly train: readonly string[];
  readonly validation: readonly string[];
  readonly test: readonly string[];
  readonly labelled: Readonly<Record<string, readonly string[]>>;
}

/** Names of the published splits of Synapse. */
export type SynapseSplitName = 'skcdf' | 'genericssl' | 'dhc-2023';

/**
 * The published splits of Synapse (method.md §2.2): 20 cases train, 4 validate, 6 test. `skcdf` and `genericssl` (A&D) share their
 * test cases; `dhc-2023` is DHC's first release and the split of the second protocol.
 */
export const SYNAPSE_MANIFESTS: Readonly<Record<SynapseSplitName, Manifest>> = {
  skcdf: {
    train: idList(
      '0001 0002 0003 0004 0005 0006 0007 0009 0010 0021 0022 0023 0024 0025 0026 0028 0030 0031 0032 0034',
    ),
    validation: idList('0035 0036 0038 0040'),
    test: idList('0008 0027 0029 0033 0037 0039'),
    labelled: {
      '0.1': idList('0007 0030'),
      '0.2': idList('0021 0023 0028 0032'),
      '0.4': idList('0003 0004 0005 0006 0010 0023 0028 0034'),
    },
  },
  genericssl: {
    train: idList(
      '0002 0003 0004 0005 0006 0009 0010 0021 0022 0024 0025 0026 0028 0031 0032 0034 0035 0036 0038 0040',
    ),
    validation: idList('0001 0007 0023 0030'),
    test: idList('0008 0027 0029 0033 0037 0039'),
    labelled: { '0.2': idList('0009 0021 0025 0034') },
  },
  'dhc-2023': {
    train: idList(
      '0001 0002 0003 0005 0008 0009 0021 0022 0023 0024 0027 0028 0029 0030 0031 0032 0034 0037 0038 0039',
    ),
    validation: idList('0006 0025 0026 0040'),
    test: idList('0004 0007 0010 0033 0035 0036'),
    labelled: {
      '0.1': idList('0023 0028'),
      '0.2': idList('0002 0023 0034 0039'),
      '0.4': idList('0002 0009 0021 0023 0027 0031 0032 0037'),
    },
  },
};
