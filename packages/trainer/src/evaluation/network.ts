import type { NamedTensors } from '@dinomix/core';
import { addN, div, softmax, type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import type { WindowNetwork } from '../inference/sliding-window.js';
import { KEY_WORDS } from '../ops/random.js';
import { createPass, networkWeights } from '../step/graph/students.js';
import { createGraphCache } from '../step/host/graph-cache.js';
import type { Variables } from '../step/host/variables.js';
import { prefixed, teacherVariable, under } from '../step/names.js';
import type { StepParts, StudentPart } from '../step/parts.js';
import type { RunningBackend, StudentNetwork, WeightedStudent } from '../types.js';

/** Weights under test. */
export interface TestedWeights {
  /** `student`, or the id of the teacher that keeps them. */
  readonly source: string;
  /** By parameter name of the student's network. */
  weightsOf(student: StudentPart): NamedTensors<Tensor>;
}

/**
 * Resolves the setting `inference.weights`.
 * @throws DMX_WEIGHTS_CHOICE for a teacher that is not there or keeps no weights.
 */
export function testedWeights(
  parts: Pick<StepParts, 'students' | 'teachers'>,
  variables: Variables,
  choice: string,
): TestedWeights {
  const own: TestedWeights = { source: 'student', weightsOf: (student) => networkWeights(student, variables.tensors) };
  if (choice === 'student') return own;
  const offers = (teacherId: string, student: StudentPart): NamedTensors<Tensor> | null => {
    const { slot } = parts.teachers.find(({ id }) => id === teacherId)!;
    const state = under(teacherVariable(teacherId, ''), variables.tensors);
    return slot.evaluationWeights?.(student.id, { state }) ?? null;
  };
  const able = parts.teachers.filter(({ id }) => parts.students.every((student) => offers(id, student) !== null));
  const teacher = choice === 'auto' ? able[0] : able.find(({ id }) => id === choice);
  if (teacher !== undefined) return { source: teacher.id, weightsOf: (student) => offers(teacher.id, student)! };
  if (choice === 'auto') return own;
  throw trainerError('DMX_WEIGHTS_CHOICE', { choice, known: ['auto', 'student', ...able.map(({ id }) => id)] });
}

/** Several students as one network: the mean of their logits (method.md §2.6). Parameters are named `<id>/<name>`. */
function meanOf(students: readonly StudentPart[], tested: TestedWeights): WeightedStudent {
  const largest = (axis: 0 | 1 | 2) => Math.max(...students.map(({ model }) => model.multiple[axis]));
  const model: StudentNetwork = {
    parameters: students.flatMap(({ id, model: { parameters } }) =>
      parameters.map((spec) => ({ ...spec, name: `${id}/${spec.name}` })),
    ),
    features: {},
    multiple: [largest(0), largest(1), largest(2)],
    forward: (x, weights, pass) => {
      const logits = students.map((student) => student.model.forward(x, under(`${student.id}/`, weights), pass).logits);
      return { logits: div(addN(logits), logits.length), features: {} };
    },
  };
  return { model, weights: Object.assign({}, ...students.map((one) => prefixed(`${one.id}/`, tested.weightsOf(one)))) };
}

/** What is tested of a run as one network, with its present weights. */
export function testedStudent({ students }: Pick<StepParts, 'students'>, tested: TestedWeights): WeightedStudent {
  const [first] = students;
  return students.length === 1 ? { model: first!.model, weights: tested.weightsOf(first!) } : meanOf(students, tested);
}

/** The network that is tested. */
export interface TestNetwork extends WindowNetwork {
  /** The same for many images: with the weights of this moment, and faster where the backend has a way. */
  open(): Promise<OpenedTestNetwork>;
}

export interface OpenedTestNetwork {
  readonly network: WindowNetwork;
  close(): Promise<void>;
}

/** What a test network runs on. */
interface TestMaterial {
  readonly parts: Pick<StepParts, 'students'>;
  readonly tested: TestedWeights;
  readonly session: RunningBackend;
  readonly inputChannels: number;
  readonly classCount: number;
}

/** The students' logits, or the mean of several students', then softmax (method.md §2.6), recorded once for each shape. */
function recorded({ parts, tested, session }: TestMaterial): WindowNetwork {
  const traced = (onTrace: () => void) => (tensors: NamedTensors<Tensor>) => {
    onTrace();
    const { model } = testedStudent(parts, tested);
    const pass = createPass('tested', false, zeros([KEY_WORDS]));
    return { probabilities: softmax(model.forward(tensors.image!, under('weights/', tensors), pass).logits) };
  };
  const cache = createGraphCache<void>(session, traced, () => true);
  return {
    output: 'probabilities',
    async run(x, shape) {
      const image = tensor(x, [...shape]);
      const { outputs } = cache.run('test', { ...prefixed('weights/', testedStudent(parts, tested).weights), image });
      const probabilities = outputs.probabilities!;
      const data = await probabilities.data<'float32'>();
      image.dispose();
      probabilities.dispose();
      return { data, shape: probabilities.shape };
    },
  };
}

export function createTestNetwork(material: TestMaterial): TestNetwork {
  const { parts, tested, session, inputChannels, classCount } = material;
  const network = recorded(material);
  return {
    ...network,
    async open() {
      const request = { ...testedStudent(parts, tested), inputChannels, classCount };
      const opened = (await session.openStudent?.(request)) ?? null;
      if (opened === null) return { network, close: async () => undefined };
      return {
        network: {
          output: 'logits',
          run: (x, shape) => opened.run(x, shape),
          ...(opened.openWindows ? { openWindows: (windows) => opened.openWindows!(windows) } : {}),
        },
        close: () => opened.dispose(),
      };
    },
  };
}
