/** Fills the folder of prepared volumes of a data set of the group: a process of its own, whose memory is none of the row. */
import { prepareDataset } from '@dinomix/data/prepare';
import { scaleDataset } from './cases.mjs';

const [scans, cases, cache] = process.argv.slice(2);
const dataset = scaleDataset({ scans, cases: Number(cases), cache });
const signal = new AbortController().signal;
await prepareDataset(dataset, { workers: 2, keepGoing: false, signal, onCase: () => {} });
