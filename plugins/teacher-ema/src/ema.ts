import type { BatchPart, ParameterSpec, TeacherAnswer } from '@dinomix/core';
import type { RunningStudent, StudentPass, TeacherResult, TeacherSlot, TeacherStep, TensorMap } from '@dinomix/trainer';
import {
  add,
  clipByValue,
  div,
  log,
  minimum,
  mul,
  neg,
  scalar,
  softmax,
  sub,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { EmaOptions } from './options.js';

/** Name of the map of uncertainty. */
const UNCERTAINTY = 'uncertainty';

/**
 * The mean teacher (Tarvainen and Valpola 2017, arXiv 1703.01780): the moving average θ_t of each student's weights θ_s
 * gives the probabilities softmax(f(x; θ_t)) that teach this student.
 */
export function createEma(options: EmaOptions): TeacherSlot {
  let students: readonly RunningStudent[] = [];
  return {
    kind: 'ema',
    traceable: true,
    produces: { probabilities: true, tokens: false, maps: options.uncertaintyPasses > 0 ? [UNCERTAINTY] : [] },
    looksAt: options.looksAt,
    provenance: null,
    open: async (ctx) => {
      students = ctx.students;
    },
    parameters: () => students.flatMap(averageSpecs),
    predict: (parts, ctx) => {
      const answers = (Object.keys(parts) as BatchPart[]).map((part) => [
        part,
        answerFor(part, parts[part]!.image, ctx, options),
      ]);
      return Object.fromEntries(answers) as TeacherResult;
    },
    update: (ctx) => average(ctx, options),
    evaluationWeights: (studentId, { state }) => (options.evaluate ? weightsOf(studentId, state) : null),
  };
}

/** The student's parameters under `<student id>/<name>`; they start as copies and no gradient reaches them. */
function averageSpecs({ id, model }: RunningStudent): readonly ParameterSpec[] {
  return model.parameters.map((spec) => ({ ...spec, name: `${id}/${spec.name}`, trainable: false, decay: false }));
}

/** The teacher's weights for one student, by parameter name; null when it has none. */
function weightsOf(studentId: string, weights: TensorMap): TensorMap | null {
  const prefix = `${studentId}/`;
  const entries = Object.entries(weights)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value] as const);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** One pass of the averaged network of a student. @param name - of the pass, where a student has several. */
function predict(student: RunningStudent, image: Tensor, ctx: TeacherStep, { mode }: EmaOptions, name = ''): Tensor {
  const pass: StudentPass = {
    ...student.pass(mode === 'training'),
    dropoutKey: (place) => ctx.key(`${student.id}/${name}${place}`),
    updateBuffer: () => undefined,
  };
  return softmax(student.model.forward(image, weightsOf(student.id, ctx.state)!, pass).logits);
}

/** x + clamp(deviation · N(0, 1), ±limit); the same noise for every student. */
function noisy(image: Tensor, ctx: TeacherStep, { noise }: EmaOptions, purpose: string): Tensor {
  if (noise === null) return image;
  const { deviation, limit } = noise;
  const drawn = ctx.ops.random(image.shape, { distribution: 'normal', key: ctx.key(`noise/${purpose}`) });
  return add(image, clipByValue(mul(drawn, deviation), -limit, limit));
}

/** Entropy of the mean of several noisy passes `[b, d, h, w, 1]`: -Σ_c p log(p + 1e-6) (method.md §4.2). */
function uncertainty(student: RunningStudent, part: BatchPart, image: Tensor, ctx: TeacherStep, options: EmaOptions) {
  const { uncertaintyPasses } = options;
  let total: Tensor | null = null;
  for (let index = 0; index < uncertaintyPasses; index++) {
    const name = `${part}/${index}/`;
    const said = predict(student, noisy(image, ctx, options, `${part}/${index}`), ctx, options, name);
    total = total === null ? said : add(total, said);
  }
  const mean = div(total!, uncertaintyPasses);
  return neg(sum(mul(mean, log(add(mean, 1e-6))), -1, true));
}

function answerFor(part: BatchPart, image: Tensor, ctx: TeacherStep, options: EmaOptions): TeacherAnswer<Tensor> {
  const seen = noisy(image, ctx, options, part);
  const probabilities = ctx.students.map((student) => [student.id, predict(student, seen, ctx, options)] as const);
  if (options.uncertaintyPasses === 0) return { probabilities: Object.fromEntries(probabilities) };
  const maps = ctx.students.map(
    (student) => [student.id, { [UNCERTAINTY]: uncertainty(student, part, image, ctx, options) }] as const,
  );
  return { probabilities: Object.fromEntries(probabilities), maps: Object.fromEntries(maps) };
}

/**
 * θ_t <- a θ_t + (1 - a) θ_s with a = min(1 - 1 / (i + 1), decay) at step or epoch i, so that the first average equally
 * (method.md §1.3).
 */
function average(ctx: TeacherStep, { decay, warmUp, buffers }: EmaOptions): void {
  const count = warmUp === 'epoch' ? ctx.epoch : ctx.iteration;
  const keep = warmUp === false ? scalar(decay) : minimum(sub(1, div(1, add(count, 1))), decay);
  const take = sub(1, keep);
  for (const { id, model, weights } of ctx.students) {
    for (const { name, trainable } of model.parameters) {
      const own = `${id}/${name}`;
      const copied = !trainable && buffers === 'copy';
      const mixed = () => add(mul(ctx.state[own]!, keep), mul(weights[name]!, take));
      ctx.setState(own, copied ? weights[name]! : mixed());
    }
  }
}
