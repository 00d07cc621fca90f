import type { ForwardPass, NamedTensors, PassItems, StudentOutput } from '@dinomix/core';
import { concat, split, type Tensor } from '@tensorflow/tfjs-core';
import type { RunningStudent, StudentPass, StudentResult } from '../../types.js';
import type { StepMoment } from '../contexts.js';
import { guarded } from '../guard.js';
import { KEY, studentVariable } from '../names.js';
import type { StudentPart } from '../parts.js';
import { placeKey } from '../random.js';

/** The weights of a student's own network, without the variables that parts have for it. */
export function networkWeights({ id, model }: StudentPart, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  return Object.fromEntries(model.parameters.map(({ name }) => [name, tensors[studentVariable(id, name)]!]));
}

/** What a pass may differ in from the plain one. */
export type PassChanges = Partial<Pick<ForwardPass<Tensor>, 'items' | 'updateBuffer' | 'perturb' | 'side'>>;

/** The pass of a student. */
export function createPass(
  studentId: string,
  training: boolean,
  stepKey: Tensor,
  { items = [], updateBuffer = () => undefined, perturb = (_, x) => x, side = () => null }: PassChanges = {},
): StudentPass {
  return {
    items,
    training,
    dropoutKey: (place) => placeKey(stepKey, `student:${studentId}/${place}`),
    updateBuffer(name, value) {
      if (training) updateBuffer(name, value);
    },
    perturb,
    side,
  };
}

/** The students as teachers see them, with weights out of `tensors`. */
export function runningStudents(
  students: readonly StudentPart[],
  tensors: () => NamedTensors<Tensor>,
): readonly RunningStudent[] {
  return students.map((student) => ({
    id: student.id,
    model: student.model,
    get weights() {
      return networkWeights(student, tensors());
    },
    pass: (training) => createPass(student.id, training, tensors()[KEY]!),
  }));
}

/** Items whose logits are taken; all where only features are. */
function heardItems(items: readonly PassItems[]): readonly PassItems[] {
  const heard = items.filter(({ logits }) => logits);
  return heard.length === 0 ? items : heard;
}

const total = (items: readonly PassItems[]): number => items.reduce((sum, { count }) => sum + count, 0);

function assertShape(what: string, found: readonly number[], expected: readonly number[], image: Tensor): void {
  if (found.length === expected.length && found.every((side, axis) => side === expected[axis])) return;
  throw new Error(`its ${what} have the shape [${found}]; expected [${expected}] for an image of [${image.shape}]`);
}

function assertNames(what: string, found: readonly string[], declared: readonly string[]): void {
  const missing = declared.filter((name) => !found.includes(name));
  const extra = found.filter((name) => !declared.includes(name));
  if (missing.length + extra.length === 0) return;
  throw new Error(`its ${what} are ${found.join(', ') || 'none'}; it declares ${declared.join(', ') || 'none'}`);
}

/** @throws Error when an output does not have the shape that the student declares. */
function assertOutput(
  { model }: StudentPart,
  output: StudentOutput<Tensor>,
  image: Tensor,
  items: readonly PassItems[],
  classCount: number,
): void {
  const [batch, ...sides] = image.shape.slice(0, 4) as [number, number, number, number];
  const heard = total(heardItems(items));
  const full = output.logits.shape[0] === batch || items.length === 0;
  const first = full ? batch : heard;
  assertShape('logits', output.logits.shape, [first, ...sides, classCount], image);
  const strided = (stride: readonly number[]) => sides.map((side, axis) => side / stride[axis]!);
  const { heads = {} } = model;
  assertNames('heads', Object.keys(output.heads ?? {}), Object.keys(heads));
  for (const [name, { classes, stride }] of Object.entries(heads)) {
    const expected = [first, ...strided(stride), classes];
    assertShape(`logits of the head "${name}"`, output.heads![name]!.shape, expected, image);
  }
}

/** The parts of a tensor that belong to the items, in their order. */
function splitBy(value: Tensor, items: readonly PassItems[]): readonly Tensor[] {
  return items.length === 1
    ? [value]
    : split(
        value,
        items.map(({ count }) => count),
        0,
      );
}

/** Outputs of the joined batch by item; items whose logits were left out have features alone. */
function apartByItem(output: StudentOutput<Tensor>, items: readonly PassItems[]): readonly StudentResult[] {
  const isWhole = output.logits.shape[0] === total(items);
  const heard = isWhole ? items : heardItems(items);
  const logits = splitBy(output.logits, heard);
  const named = (tensors: NamedTensors<Tensor>, of: readonly PassItems[]) =>
    Object.entries(tensors).map(([name, value]) => [name, splitBy(value, of)] as const);
  const heads = named(output.heads ?? {}, heard);
  const features = Object.entries(output.features).map(([name, value]) => {
    const of = value.shape[0] === total(items) ? items : heard;
    const parts = splitBy(value, of);
    return [name, items.map((item) => parts[of.indexOf(item)])] as const;
  });
  return items.map((item, index) => {
    const at = heard.indexOf(item);
    const given = features.flatMap(([name, parts]) =>
      parts[index] === undefined ? [] : [[name, parts[index]] as const],
    );
    const own = Object.fromEntries(given);
    const said = { heads: Object.fromEntries(heads.map(([name, parts]) => [name, parts[at]!])), features: own };
    // A view of which only features are taken has no logits, and nobody reads them.
    return at < 0 ? { logits: undefined as never, heads: {}, features: own } : { logits: logits[at]!, ...said };
  });
}

/**
 * One pass over several images as one batch, so that they share batch statistics (method.md §1.6).
 * @param items - what each image is, those without logits last.
 * @returns one output per image.
 */
export function forwardTogether(
  student: StudentPart,
  images: readonly Tensor[],
  items: readonly PassItems[],
  tensors: NamedTensors<Tensor>,
  pass: StudentPass,
  classCount: number,
  moment: StepMoment,
): readonly StudentResult[] {
  const joined = images.length === 1 ? images[0]! : concat([...images], 0);
  const output = guarded(student, 'compute its output', moment.position, () => {
    const made = student.model.forward(joined, networkWeights(student, tensors), pass);
    assertOutput(student, made, joined, items, classCount);
    return made;
  });
  return apartByItem(output, items);
}
