import type { BatchPart, ParameterSpec } from '@dinomix/core';
import type { RunningStudent, StudentPass, TeacherResult, TeacherSlot, TeacherStep, TensorMap } from '@dinomix/trainer';
import { add, div, minimum, mul, scalar, softmax, sub, type Tensor } from '@tensorflow/tfjs-core';
import type { EmaOptions } from './options.js';

/**
 * The mean teacher (Tarvainen and Valpola 2017, arXiv 1703.01780): the moving average θ_t of each student's weights θ_s
 * gives the probabilities softmax(f(x; θ_t)) that teach this student.
 */
export function createEma(options: EmaOptions): TeacherSlot {
  let students: readonly RunningStudent[] = [];
  return {
    kind: 'ema',
    traceable: true,
    produces: { probabilities: true, tokens: false },
    looksAt: options.looksAt,
    provenance: null,
    open: async (ctx) => {
      students = ctx.students;
    },
    parameters: () => students.flatMap(averageSpecs),
    predict: (parts, ctx) => {
      const answers = (Object.keys(parts) as BatchPart[]).map((part) => {
        const image = parts[part]!.image;
        const taught = ctx.students.map((student) => [student.id, predict(student, image, ctx, options)] as const);
        return [part, { probabilities: Object.fromEntries(taught) }] as const;
      });
      return Object.fromEntries(answers) as TeacherResult;
    },
    update: (ctx) => average(ctx, options),
    evaluationWeights: (studentId, { state }) => weightsOf(studentId, state),
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

function predict(student: RunningStudent, image: Tensor, ctx: TeacherStep, options: EmaOptions): Tensor {
  const pass: StudentPass = {
    ...student.pass(options.mode === 'training'),
    dropoutKey: (place) => ctx.key(`${student.id}/${place}`),
    updateBuffer: () => undefined,
  };
  return softmax(student.model.forward(image, weightsOf(student.id, ctx.state)!, pass).logits);
}

/**
 * θ_t <- a θ_t + (1 - a) θ_s with a = min(1 - 1 / (i + 1), decay) at step i, so that the first steps average equally
 * (method.md §1.3).
 */
function average(ctx: TeacherStep, { decay, warmUp, buffers }: EmaOptions): void {
  const keep = warmUp ? minimum(sub(1, div(1, add(ctx.iteration, 1))), decay) : scalar(decay);
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
