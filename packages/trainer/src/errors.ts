import { byteSize, DmxError, type ErrorContext, type MemoryRoom } from '@dinomix/core';

/** The three lines of a message. */
interface ErrorText {
  readonly summary: string;
  readonly why: string;
  readonly fix: string;
}

const upper = (sentence: string) => sentence.charAt(0).toUpperCase() + sentence.slice(1);

const text = (summary: string, why: string, fix: string): ErrorText => ({ summary, why, fix });

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(3)} GB`;

const cacheErrors = {
  DMX_TEACHER_CACHE: (d: { teachers: readonly string[] }) =>
    text(
      'No teacher of this config keeps anything of whole volumes',
      d.teachers.length === 0 ? 'It has no teacher.' : `Its teachers are ${d.teachers.join(', ')}.`,
      'Switch the cache of the foundation teacher on, such as --set teacher.dinov3.cache={}; a training must be given the same.',
    ),
  DMX_TEACHER_CACHE_ROOM: (d: { key: string; directory: string; needed: number; room: number; limit: boolean }) =>
    text(
      `The cache of ${d.key} has no room in ${d.directory}`,
      `${gigabytes(d.needed)} are needed, and ${d.limit ? 'the limit of the cache is' : 'the disk has'} ${gigabytes(d.room)}. Nothing was computed.`,
      d.limit
        ? `Raise it with --set ${d.key.replace(':', '.')}.cache.limitGb=${Math.ceil(d.needed / 1e9)}, in the training too, or take fewer slices.`
        : `Free disk space, or choose another folder with --set ${d.key.replace(':', '.')}.cache.directory=..., in the training too.`,
    ),
  DMX_BATCH_EMPTY: (d: { reason: string }) =>
    text('A batch cannot be made', d.reason, 'Correct train.batch or the splits.'),
} as const;

const shown = (shape: readonly number[]) => `[${shape.join(', ')}]`;

const list = (names: readonly string[]) => {
  const first = names.slice(0, 5).map((name) => `"${name}"`);
  return names.length > 5 ? `${first.join(', ')} and ${names.length - 5} more` : first.join(', ');
};

const stepErrors = {
  DMX_PARAMETER_TWICE: (d: { name: string }) =>
    text(
      `Two parameters have the name "${d.name}"`,
      'The name identifies a parameter in checkpoints and to optimizers.',
      'Give each parameter of a plugin its own name.',
    ),
  DMX_PARAMETER_UNKNOWN: (d: { name: string }) =>
    text(
      `A value was given for the unknown parameter "${d.name}"`,
      'It was not declared before the run.',
      'Declare it in the parameters of the plugin.',
    ),
  DMX_PARAMETER_SHAPE: (d: { name: string; expected: readonly number[]; found: readonly number[] }) =>
    text(
      `"${d.name}" has the wrong shape`,
      `Expected ${shown(d.expected)}, found ${shown(d.found)}.`,
      'Use the options with which the run was started, or start a new run.',
    ),
  DMX_PLUGIN_FAILED: (d: { plugin: string; key: string; work: string; reason: string }) =>
    text(
      `${d.key} (${d.plugin}) failed to ${d.work}`,
      d.reason,
      'Correct the plugin or its options; the cause has the stack.',
    ),
  DMX_TEACHER_CHOICE: (d: { id: string; known: readonly string[] }) =>
    text(
      `A plugin on teacher.resolve chose the unknown teacher "${d.id}"`,
      `The teachers of this run are ${list(d.known)}.`,
      'Choose among them; add others in use.teacher.',
    ),
  DMX_TEACHER_ASYNC: (d: { key: string; plugin: string }) =>
    text(
      `${d.key} (${d.plugin}) returned a promise from predict`,
      'It declares itself traceable: its prediction is recorded in one graph with the step, where nothing can be awaited.',
      'Return the answer without a promise, or leave out "traceable".',
    ),
  DMX_GRADIENT_NONE: (d: { studentId: string }) =>
    text(
      `No loss reaches the weights of student "${d.studentId}"`,
      'None of the terms in use depends on its output in this step, so it would never learn.',
      'Use a loss that looks at a view that this run has: labelled crops exist always, others need unlabelled crops, a teacher or a mixer.',
    ),
  DMX_PART_STUDENT: (d: { key: string; plugin: string; id: string; students: readonly string[] }) =>
    text(
      `${d.key} (${d.plugin}) names the student "${d.id}", which this run does not have`,
      `Its students are ${d.students.join(', ')}.`,
      `Change its option "students", or name the student so: plugin().as('${d.id}').`,
    ),
  DMX_LOSS_NOT_FINITE: (d: {
    step: number;
    epoch: number;
    loss: string;
    terms: string;
    cases: string;
    checkpoint: string;
  }) =>
    text(
      `The loss is ${d.loss} at step ${d.step} (epoch ${d.epoch})`,
      `Terms: ${d.terms}. Crops of this step: ${d.cases}. ${d.checkpoint}`,
      'Lower the learning rate or raise the smoothing of the loss; look at the named cases with "dinomix data check". The run can be resumed from its last checkpoint.',
    ),
  DMX_OUT_OF_MEMORY: (d: {
    reason: string;
    place: string;
    patch: readonly number[];
    batch: { labelled: number; unlabelled: number };
    levers: readonly string[];
    checkpoint: string | null;
  }) =>
    text(
      `The memory did not suffice ${d.place}`,
      `${d.reason}. A step takes ${d.batch.labelled} labelled and ${d.batch.unlabelled} unlabelled crops of ${shown(d.patch)} voxels. ${d.checkpoint === null ? 'No checkpoint was written before.' : `The last checkpoint, ${d.checkpoint}, is whole.`}`,
      [
        'Start a run that takes less, such as with',
        ...d.levers,
        '"dinomix explain --memory" tells what each saves.',
        ...(d.checkpoint === null ? [] : ['Or resume this run where there is more memory.']),
      ].join('\n'),
    ),
  DMX_WINDOW_STRIDE: (d: { stride: readonly number[]; patch: readonly number[] }) =>
    text(
      'The windows leave gaps',
      `They are ${shown(d.patch)} voxels long and begin every ${shown(d.stride)} voxels: what lies between them gets no class.`,
      'Give a stride of at most the window along every axis.',
    ),
  DMX_NETWORK_OUTPUT: (_: Record<never, never>) =>
    text(
      'The network gives no usable answer',
      'Its output has values that are not finite numbers, so no class can be chosen.',
      'Look at the training for a loss that was not finite, and take a good checkpoint.',
    ),
  DMX_MIX_PLAN: (d: { plugin: string; problem: string }) =>
    text(`${d.plugin} made a mix plan that cannot be applied`, d.problem, 'Correct the plugin or its options.'),
} as const;

const boundText = {
  machine: 'the machine has',
  'control group': 'its control group leaves it',
  'address space': 'the limit of its address space (ulimit -v) leaves it',
} as const satisfies Record<MemoryRoom['bound'], string>;

const setupErrors = {
  DMX_MEMORY: (d: { peak: number; parts: string; levers: readonly string[] } & MemoryRoom) =>
    text(
      `The training would take ${byteSize(d.peak)} of memory, and ${boundText[d.bound]} ${byteSize(d.bytes)}`,
      `At its peak it would hold: ${d.parts}. Nothing was begun.`,
      [
        ...(d.levers.length > 0
          ? ['Take one of these, or several:', ...d.levers]
          : ['Run it where there is more memory.']),
        '--force goes on nevertheless.',
      ].join('\n'),
    ),
  DMX_DEVICE: (d: { backend: string; device: string; reason: string }) =>
    text(
      `The backend "${d.backend}" does not work on the device "${d.device}" here`,
      d.reason,
      '"npx dinomix doctor" lists the devices that work and what the others lack; "cpu" works everywhere.',
    ),
  DMX_PATCH_MULTIPLE: (d: { key: string; patch: readonly number[]; multiple: readonly number[] }) =>
    text(
      `train.patch ${shown(d.patch)} does not fit ${d.key}`,
      `Each side must be a multiple of ${shown(d.multiple)}: the network halves its input that often.`,
      'Change train.patch, or give the network fewer levels.',
    ),
  DMX_SPEC_CONFIG: (d: { file: string; found: string; expected: string }) =>
    text(
      `${d.file} is not the config that was to be run`,
      `Its hash is ${d.found.slice(0, 12)}; expected ${d.expected.slice(0, 12)}. The file, an override or a plugin changed in between.`,
      'Start the run again.',
    ),
  DMX_WORKER_DIED: (d: { reason: string }) =>
    text(
      'The thread of the run ended without an outcome',
      d.reason,
      'If memory was short, lower train.patch or train.batch. The run can be resumed from its last checkpoint.',
    ),
  DMX_SELECT_COLUMN: (d: { column: string; known: readonly string[] }) =>
    text(
      `train.selectBy names the column "${d.column}", which no metric gives`,
      `The metrics in use give ${list(d.known)}.`,
      'Set train.selectBy to one of them, or add the metric to use.metric.',
    ),
  DMX_WEIGHTS_CHOICE: (d: { choice: string; known: readonly string[] }) =>
    text(
      `inference.weights names "${d.choice}", which keeps no weights to test`,
      `This run knows ${list(d.known)}.`,
      'Set inference.weights to one of them.',
    ),
  DMX_PART_NEEDS: (d: { key: string; plugin: string; lacks: string; why: string; cure: string }) =>
    text(`${d.key} (${d.plugin}) cannot work in this run: ${d.lacks}`, d.why, d.cure),
  DMX_PART_NOT_FINITE: (d: {
    step: number;
    epoch: number;
    key: string;
    what: string;
    values: string;
    checkpoint: string;
  }) =>
    text(
      `${d.key} gives ${d.what} that are not finite at step ${d.step} (epoch ${d.epoch})`,
      `They are ${d.values}. No weight has changed in this step. ${d.checkpoint}`,
      'Correct the part, or leave it out to see whether it is the cause. The run can be resumed from its last checkpoint.',
    ),
  DMX_LOSS_NEEDS: (d: { key: string; plugin: string; kind: 'probabilities' | 'tokens'; teachers: readonly string[] }) =>
    text(
      `${d.key} (${d.plugin}) needs a teacher that gives ${d.kind}`,
      d.teachers.length === 0 ? 'The run has no teacher.' : `The teachers are ${list(d.teachers)}.`,
      `Add a teacher that gives ${d.kind} to use.teacher, or leave the loss out.`,
    ),
} as const;

const checkpointErrors = {
  DMX_RESUME_CONFIG: (d: { directory: string; found: string; expected: string }) =>
    text(
      `${d.directory} was made with another config`,
      `Its checkpoint has the config hash ${d.found.slice(0, 12)}, this config ${d.expected.slice(0, 12)}.`,
      'Install the versions of the plugins that "packages" in record.json names, or start a new run.',
    ),
  DMX_RESUME_NOTHING: (d: { directory: string }) =>
    text(
      `There is nothing to resume in ${d.directory}`,
      'The folder has no checkpoint.',
      'Name the folder of a run that wrote one, or start a new run.',
    ),
  DMX_RESUME_DAMAGED: (d: { directory: string; problems: readonly string[] }) =>
    text(
      `No checkpoint of ${d.directory} can be read`,
      d.problems.join(' '),
      'Put the files back from a copy, or start a new run.',
    ),
  DMX_RUN_RECORD: (d: { file: string; reason: string }) =>
    text(
      `${d.file} does not tell what the run learned from`,
      d.reason.replace(/\.?$/, '.'),
      'Put the file back from a copy of the run; "dinomix train" writes it when it begins.',
    ),
  DMX_RUN_DATA: (d: { directory: string; reason: string }) =>
    text(
      `The data set is not the one that the run ${d.directory} was made with`,
      `${upper(d.reason)}.`,
      'Put the data set back as it was, or start a new run.',
    ),
  DMX_RUN_EXISTS: (d: { directory: string }) =>
    text(
      `${d.directory} already has checkpoints`,
      'A new run would mix with them.',
      'Resume it, or choose another name for the new run.',
    ),
  DMX_RUN_FOLDER: (d: { directory: string; problem: string; fix: string }) =>
    text(`${d.directory} cannot be the folder of a run`, `${upper(d.problem)}.`, `${upper(d.fix)}.`),
  DMX_RUN_LOCKED: (d: { directory: string; file: string; pid: number; host: string }) =>
    text(
      `${d.directory} is in use`,
      `Process ${d.pid} on ${d.host} works in it, by ${d.file}.`,
      `Wait until it has ended, or stop it. If there is no such process any more, delete ${d.file}.`,
    ),
  DMX_CHECKPOINT_READ: (d: { path: string; reason: string }) =>
    text(
      `The checkpoint ${d.path} cannot be read`,
      d.reason,
      'Put its files back from a copy. Or resume the run: it goes on from the newest checkpoint that is whole.',
    ),
  DMX_CHECKPOINT_WRITE: (d: { path: string; reason: string; last: string | null }) =>
    text(
      `The checkpoint ${d.path} cannot be written`,
      d.reason,
      d.last === null
        ? 'Make room or choose another folder, and start again.'
        : `Make room, then resume: the last checkpoint, ${d.last}, is whole.`,
    ),
  DMX_WEIGHTS_NOT_FINITE: (d: { name: string; value: string; step: number }) =>
    text(
      `"${d.name}" became ${d.value} before step ${d.step}`,
      'The loss was still finite, its gradient was not. No checkpoint was written of these weights.',
      'Lower the learning rate or clip the gradients; resume from the last checkpoint.',
    ),
  DMX_CHECKPOINT_CONTENT: (d: { file: string; missing: readonly string[]; unknown: readonly string[] }) =>
    text(
      `${d.file} does not fit this run`,
      [
        ...(d.missing.length > 0 ? [`It lacks ${list(d.missing)}.`] : []),
        ...(d.unknown.length > 0 ? [`It has ${list(d.unknown)}, which this run does not know.`] : []),
      ].join(' '),
      'Resume with the config and the plugin versions of record.json, or start a new run.',
    ),
} as const;

/** Every error of the trainer by code. */
export const TRAINER_ERROR_CODES = Object.freeze({
  ...cacheErrors,
  ...stepErrors,
  ...setupErrors,
  ...checkpointErrors,
});

/** A code of the trainer. */
export type TrainerErrorCode = keyof typeof TRAINER_ERROR_CODES;

/** Details that the texts of a code are made from. */
export type TrainerErrorDetails<C extends TrainerErrorCode> = Parameters<(typeof TRAINER_ERROR_CODES)[C]>[0];

/** Makes the error with this code. */
export function trainerError<C extends TrainerErrorCode>(
  code: C,
  details: TrainerErrorDetails<C>,
  context: ErrorContext = {},
): DmxError {
  const compose = TRAINER_ERROR_CODES[code] as (d: TrainerErrorDetails<C>) => ErrorText;
  return new DmxError({ code, ...compose(details), ...context });
}
