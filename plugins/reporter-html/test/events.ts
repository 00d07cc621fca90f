import type {
  CaseResult,
  EvaluationReport,
  MetricColumn,
  RunEvent,
  RunRecord,
  SliceReport,
  StepReport,
} from '@dinomix/core';

/** Background and three classes; `c` is the tail. */
export const CLASSES = ['background', 'a', 'b', 'c'].map((name, index) => ({
  index,
  name,
  colour: [index * 60, 120, 200] as const,
  tail: name === 'c',
}));

export const COLUMNS: readonly MetricColumn[] = [
  { name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher' },
  { name: 'hd95', title: 'HD95', unit: 'mm', better: 'lower', definition: 'monai', empty: 'p1' },
];

type Body = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'time'> : never) : never;

let clock = Date.parse('2026-01-01T00:00:00.000Z');

/** An event one second after the one before. */
export function at(body: Body): RunEvent {
  clock += 1000;
  return { time: new Date(clock).toISOString(), ...body } as RunEvent;
}

/** A record with 1000, 100 and 1 labelled voxels of the three classes. */
export function record(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    run: { id: 'first', seed: 3, directory: '/runs/first', configHash: 'c0ffee' },
    config: {
      name: 'trial',
      use: { student: ['vnet'], teacher: ['ema'], mixer: ['pic'], loss: { 'dice-ce': { weight: 1 } } },
      train: { epochs: 2 },
    },
    packages: { '@dinomix/core': '1.0.0' },
    node: 'v20.19.0',
    platform: 'linux x64',
    backend: { name: 'onnxruntime', device: 'cpu', facts: {} },
    teachers: {},
    dataset: {
      title: 'Made up',
      classes: CLASSES,
      splits: { labelled: ['l1'], unlabelled: ['u1', 'u2'], validation: ['v1'], test: ['t1', 't2'] },
      labelledVoxels: [9000, 1000, 100, 1],
      fingerprint: { digest: 'd1ge57', cases: {} },
    },
    patch: [8, 16, 16],
    images: {
      reading: null,
      preprocessing: { orientation: 'keep', grid: { kind: 'keep' }, normalisation: { steps: [], display: [0, 1] } },
      padValue: 0,
      axes: null,
      spacing: [
        [1, 1, 1],
        [1, 1, 1],
      ],
      extent: [
        [8, 16, 16],
        [8, 16, 16],
      ],
    },
    licences: { 'Made up': 'CC0' },
    predictCommand: 'dinomix predict image.nii.gz --run "/runs/first"',
    outcome: null,
    ...changes,
  };
}

/** Two epochs of two steps. */
export function step(index: number, changes: Partial<StepReport> = {}): RunEvent {
  const report: StepReport = {
    position: { epoch: Math.floor(index / 2), step: index, stepInEpoch: index % 2, epochs: 2, stepsPerEpoch: 2 },
    loss: 4 - index,
    terms: { 'dice-ce': { value: 4 - index, weight: 1, parts: {} } },
    learningRate: 0.1 / (index + 1),
    stepMs: 250,
    classWeights: {},
    pseudoDice: { vnet: [0.9, 0.5, 0.25, null] },
    targetVoxels: { truth: [100, 20, 10, 2], pseudo: [50, 8, 2, 0] },
    reports: {
      'mixer:pic': {
        plannedLabelled: { unit: 'share', values: [0, 0.2, 0.3, 0.5] },
        drawn: { unit: 'count', values: [0, 1, 1, 2] },
      },
    },
    ...changes,
  };
  return at({ type: 'step', report });
}

/** A case with Dice and HD95 by class. */
export function caseOf(
  caseId: string,
  role: CaseResult['role'],
  dice: readonly (number | null)[],
  hd95: readonly (number | null)[] = [null, 4, null, 9],
): CaseResult {
  return { caseId, role, values: { dice, hd95 }, seconds: 1 };
}

/** An evaluation whose means are given, as the trainer gives them. */
export function evaluation(
  cases: readonly CaseResult[],
  means: Pick<EvaluationReport, 'perClass' | 'mean' | 'tail' | 'collapsed'>,
): RunEvent {
  return at({
    type: 'evaluation',
    report: { role: cases[0]!.role, columns: COLUMNS, cases, weights: 'ema', ...means },
  });
}

/** A picture of 2 by 3 pixels. */
export function slice(caseId: string, changes: Partial<SliceReport> = {}): RunEvent {
  const base64 = (...bytes: readonly number[]) => Buffer.from(bytes).toString('base64');
  const picture: SliceReport = {
    caseId,
    sliceIndex: 5,
    shape: [2, 3],
    spacing: [2, 1],
    image: base64(0, 50, 100, 150, 200, 250),
    prediction: base64(0, 1, 1, 2, 0, 3),
    reference: base64(0, 1, 2, 2, 3, 0),
    ...changes,
  };
  return at({ type: 'slice', slice: picture });
}

/** Two epochs, a validation in each, two test cases. */
export function wholeRun(changes: Partial<RunRecord> = {}): readonly RunEvent[] {
  const validation = (dice: number) =>
    evaluation([caseOf('v1', 'validation', [null, dice, 0.5, 0.1])], {
      perClass: { dice: [null, dice, 0.5, 0.1], hd95: [null, 4, 5, 9] },
      mean: { dice: (dice + 0.6) / 3, hd95: 6 },
      tail: { dice: 0.1, hd95: 9 },
    });
  const epoch = (index: number) =>
    at({
      type: 'epoch',
      report: {
        position: { epoch: index, step: 2 * index + 1, stepInEpoch: 1, epochs: 2, stepsPerEpoch: 2 },
        loss: 3,
        terms: { 'dice-ce': 3 },
        learningRate: 0.05,
        seconds: 12.5,
        validation: null,
      },
    });
  const tests = [caseOf('t1', 'test', [null, 0.8, 0.4, 0]), caseOf('t2', 'test', [null, 0.6, 0.2, 0])];
  return [
    at({ type: 'run.start', record: record(changes) }),
    step(0),
    step(1),
    validation(0.6),
    epoch(0),
    step(2),
    step(3),
    validation(0.9),
    epoch(1),
    at({
      type: 'checkpoint',
      path: '/runs/first/checkpoints/checkpoint-4',
      best: true,
      position: { epoch: 1, step: 3, stepInEpoch: 1, epochs: 2, stepsPerEpoch: 2 },
    }),
    ...tests.flatMap((result) => [slice(result.caseId), at({ type: 'case', result })]),
    evaluation(tests, {
      // (0.8 + 0.6) / 2, (0.4 + 0.2) / 2, (0 + 0) / 2 and their mean.
      perClass: { dice: [null, 0.7, 0.3, 0], hd95: [null, 4, null, 9] },
      mean: { dice: 1 / 3, hd95: 6.5 },
      tail: { dice: 0, hd95: 9 },
      collapsed: [3],
    }),
    at({
      type: 'run.end',
      outcome: {
        status: 'completed',
        reason: 'all epochs are done',
        position: null,
        error: null,
        seconds: 75,
        peakMb: 512.4,
        fallbackKernels: {},
      },
    }),
  ];
}
