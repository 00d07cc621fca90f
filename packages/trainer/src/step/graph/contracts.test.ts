import '../../../test/backend.js';
import type { NamedTensors, SlotKey, TensorFunction } from '@dinomix/core';
import {
  add,
  argMax,
  cast,
  equal,
  fill,
  keep,
  mean,
  mul,
  ones,
  slice,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { tinyBackend, tinyLoss, tinyPlugin, tinyStudent } from '../../../test/tiny-plugins.js';
import { checkpointDigests, eventsOf, newFolder, oneEpoch, tinyRun, weightsAfter } from '../../../test/tiny-run.js';
import type { LossSlot, SelectorSlot, StudentSlot, TeacherSlot, WeighterSlot } from '../../types.js';

const provide = (key: SlotKey, value: unknown) =>
  tinyPlugin([key], (api) => {
    const [slot, id] = key.split(':') as [never, string];
    (api as unknown as { provide(slot: never, id: string, make: () => unknown): void }).provide(slot, id, () => value);
  });
const selector = (value: Partial<SelectorSlot> & Pick<SelectorSlot, 'select'>) =>
  provide('selector:chosen', { takes: 'targets', ...value });

/** The loss `consistency` of the tiny method that looks at its view first. */
function watched(
  look: (view: Parameters<LossSlot['evaluate']>[0]['views']) => void,
  views = ['mixed-unlabelled'] as const,
) {
  const plain = tinyLoss(views, false);
  const slot: LossSlot = {
    ...plain,
    takes: Object.fromEntries(views.map((view) => [view, ['logits', 'pseudo-labels']])),
    evaluate(input, ctx) {
      look(input.views);
      return plain.evaluate(input, ctx);
    },
  };
  return provide('loss:consistency', slot);
}

const values = (tensor: Tensor): number[] => [...tensor.dataSync()];

describe('selectors of targets', () => {
  it('decide before the mix, and their weights travel with the voxels', async () => {
    const seen: number[][] = [];
    const consistency = watched(({ 'mixed-unlabelled': view }) => {
      seen.push(values(view!.voxelWeight), values(view!.truth));
    });
    const half = selector({ select: ({ target }) => ({ weight: mul(target.weight, 0.25) }) });
    const { outcome, events } = await tinyRun(oneEpoch({ more: [half], plugins: { consistency } }));
    expect(outcome.error).toBeNull();
    const [weights, truth] = seen as [number[], number[]];
    expect(new Set(truth)).toEqual(new Set([0, 1]));
    // The plan gives pseudo-labels 0.5, the selector 0.25 of it; ground truth keeps 1.
    expect(weights).toEqual(truth.map((one) => (one === 1 ? 1 : 0.125)));
    const [first] = eventsOf(events, 'step');
    expect(first!.report.reports['selector:chosen/net/unlabelled']).toEqual({
      kept: { unit: 'share', values: [0.25] },
    });
  });

  it('may change classes, and leave the draws of everything else as they are', async () => {
    const run = async (more: readonly ReturnType<typeof selector>[]) => {
      const labels: number[][] = [];
      const consistency = watched(({ 'mixed-unlabelled': view }) => {
        labels.push(values(view!.target!), values(view!.image), values(view!.truth));
      });
      const { outcome } = await tinyRun(oneEpoch({ more, plugins: { consistency } }));
      expect(outcome.error).toBeNull();
      return labels as [number[], number[], number[]];
    };
    const twos = selector({
      select: ({ target }) => ({ weight: target.weight, label: fill(target.label.shape, 2, 'int32') }),
    });
    const [plain, changed] = [await run([]), await run([twos])];
    expect(changed[1]).toEqual(plain[1]);
    expect(changed[0]).toEqual(plain[0].map((label, voxel) => (plain[2][voxel] === 1 ? label : 2)));
  });

  it.each([
    ['another shape', () => ones([1]), 'its weight is float32 [1]; expected float32 [2,4,8,8]'],
    ['another type', (like: Tensor) => cast(like, 'int32'), 'its weight is int32'],
  ])('that give a weight of %s are named', async (_, weightOf, reason) => {
    const wrong = selector({ select: ({ target }) => ({ weight: weightOf(target.weight) }) });
    const { outcome } = await tinyRun(oneEpoch({ more: [wrong] }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot: 'selector:chosen', step: 0 });
    expect(outcome.reason).toContain(reason);
  });

  it('that give NaN are named, and no weight has changed', async () => {
    const broken = selector({ select: ({ target }) => ({ weight: mul(target.weight, Number.NaN) }) });
    const { outcome } = await tinyRun(oneEpoch({ more: [broken] }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PART_NOT_FINITE' });
    expect(outcome.reason).toContain('selector:chosen');
  });

  it('that need a map which nobody gives are refused before the first step', async () => {
    const needy = selector({ needs: { maps: ['fog'] }, select: ({ target }) => target });
    const { outcome, events } = await tinyRun(oneEpoch({ more: [needy] }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PART_NEEDS' });
    expect(outcome.reason).toContain('nobody gives the map "fog"');
    expect(eventsOf(events, 'step')).toEqual([]);
  });
});

it('selectors of outputs see what the student says in this step', async () => {
  const agree = selector({
    takes: 'outputs',
    select: ({ own, target, labelled }) => {
      expect(labelled.output!.logits.shape).toEqual([2, 4, 8, 8, 3]);
      return { weight: mul(target.weight, cast(equal(argMax(own!.logits, -1), target.label), 'float32')) };
    },
  });
  let checked = 0;
  const consistency = watched(({ 'mixed-unlabelled': view }) => {
    const predicted = values(argMax(view!.logits, -1));
    const [weights, truth, target] = [view!.voxelWeight, view!.truth, view!.target!].map(values);
    weights!.forEach((weight, voxel) => {
      expect(weight).toBe(truth![voxel] === 1 ? 1 : predicted[voxel] === target![voxel] ? 0.5 : 0);
    });
    checked++;
  });
  const { outcome } = await tinyRun(oneEpoch({ more: [agree], plugins: { consistency } }));
  expect(outcome.error).toBeNull();
  expect(checked).toBe(3);
});

describe('teachers of outputs', () => {
  /** Each of two students is taught by what the other says. */
  const peer: TeacherSlot = {
    kind: 'peer',
    traceable: true,
    takes: 'outputs',
    produces: { probabilities: true, tokens: false },
    looksAt: ['labelled', 'unlabelled'],
    provenance: null,
    predict: (parts) =>
      Object.fromEntries(
        Object.entries(parts).map(([part, { outputs }]) => [
          part,
          { probabilities: { a: softmax(outputs.b!.logits), b: softmax(outputs.a!.logits) } },
        ]),
      ),
  };
  let passes = 0;
  const counting: StudentSlot = {
    build: (ctx) => {
      const model = tinyStudent.build(ctx);
      return {
        ...model,
        forward: (x, weights, pass) => {
          if (pass.training) passes++;
          return model.forward(x, weights, pass);
        },
      };
    },
  };
  const students = tinyPlugin(['student:a', 'student:b'], (api) => {
    api.provide('student', 'a', () => counting);
    api.provide('student', 'b', () => counting);
  });
  const given = (consistency: ReturnType<typeof watched>) => ({
    plugins: { student: students, teacher: provide('teacher:peer', peer), mixer: null, consistency },
    use: { student: ['a', 'b'], teacher: 'peer', loss: { supervised: 1, consistency: 0.5 } },
  });

  it('teach by the pass that is trained, without a pass of their own', async () => {
    passes = 0;
    const said: Record<string, number[]>[] = [];
    const consistency = watched(
      ({ labelled, unlabelled }) => {
        said.push({
          own: values(argMax(unlabelled!.logits, -1)),
          taught: values(unlabelled!.pseudo!.label),
          truth: values(labelled!.truth),
        });
      },
      ['labelled', 'unlabelled'] as never,
    );
    const { outcome } = await tinyRun(oneEpoch(given(consistency)));
    expect(outcome.error).toBeNull();
    // Three steps of two students; a teacher with passes of its own would make twelve.
    expect(passes).toBe(6);
    expect(said[0]!.taught).toEqual(said[1]!.own);
    expect(said[1]!.taught).toEqual(said[0]!.own);
    expect(new Set(said[0]!.truth)).toEqual(new Set([1]));
  });

  it('pass no gradient to the students that teach', async () => {
    // Only "a" has a loss; it is taught by "b", whose weights must stay as they are.
    const consistency = watched(() => undefined, ['unlabelled'] as never);
    const { outcome } = await tinyRun(
      oneEpoch({
        ...given(consistency),
        use: { ...given(consistency).use, loss: { consistency: { students: ['a'] } } },
      }),
    );
    expect(outcome.error).toMatchObject({ code: 'DMX_GRADIENT_NONE' });
    expect(outcome.reason).toContain('student "b"');
  });

  it('are refused where mixed crops need their answer before', async () => {
    const { mixer: _, ...plugins } = given(watched(() => undefined)).plugins;
    const { outcome } = await tinyRun(oneEpoch({ ...given(watched(() => undefined)), plugins }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PART_NEEDS' });
    expect(outcome.reason).toContain('teacher:peer teaches by what the students say');
  });
});

describe('weighters', () => {
  /** Weights that count the steps and the voxels of class 0 that the student predicts. */
  const counter: WeighterSlot = {
    students: null,
    takes: ['labelled'],
    parameters: ({ classCount }) => [
      {
        name: 'seen',
        shape: [classCount],
        initializer: { kind: 'values', values: [1, 2, 3] },
        trainable: false,
        decay: false,
      },
    ],
    weigh({ views }, ctx) {
      const share = mean(cast(equal(argMax(views.labelled!.logits, -1), 0), 'float32'));
      const next = add(ctx.state.seen!, share);
      ctx.setState('seen', next);
      return next;
    },
  };

  it('act in the step whose outputs they saw, and are shown', async () => {
    const { outcome, events } = await tinyRun(oneEpoch({ more: [provide('weighter:counter', counter)] }));
    expect(outcome.error).toBeNull();
    const weights = eventsOf(events, 'step').map(({ report }) => report.classWeights.net!);
    // They start at 1, 2, 3 and grow by the share of class 0 in the same step.
    const grown = weights.map(([first]) => first!);
    expect(grown[0]).toBeGreaterThan(1);
    weights.forEach(([first, second, third]) => {
      expect(second! - first!).toBeCloseTo(1, 5);
      expect(third! - first!).toBeCloseTo(2, 5);
    });
    expect(grown[1]).toBeGreaterThanOrEqual(grown[0]!);
  });

  it('go on from a checkpoint with the same bits', async () => {
    const options = { more: [provide('weighter:counter', counter)], train: { epochs: 2, validateEvery: 0 } };
    const whole = await tinyRun(options);
    expect(whole.outcome.error).toBeNull();
    const directory = await newFolder();
    const stop = new AbortController();
    const onEvent = (event: { readonly type: string }) => {
      if (event.type === 'checkpoint') stop.abort();
    };
    await tinyRun(options, { directory, signal: stop.signal, onEvent } as never);
    await tinyRun(options, { directory, resume: true });
    expect((await checkpointDigests(directory))['checkpoint-00000006.safetensors']).toBe(
      (await checkpointDigests(whole.directory))['checkpoint-00000006.safetensors'],
    );
  });

  const setting: WeighterSlot['weigh'] = (_, ctx) => {
    ctx.setState('seen', ones([3]));
    return ones([3]);
  };

  it.each([
    ['set what they did not declare', { parameters: () => [], weigh: setting }, 'it set the variable "seen"'],
    ['give another number of weights', { weigh: () => ones([2]) }, 'expected float32 [3]'],
  ])('that %s are named', async (_, change, reason) => {
    const more = [provide('weighter:counter', { ...counter, ...change })];
    const { outcome } = await tinyRun(oneEpoch({ more }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot: 'weighter:counter' });
    expect(outcome.reason).toContain(reason);
  });

  it('that name a student which is not there are refused', async () => {
    const { outcome } = await tinyRun(
      oneEpoch({ more: [provide('weighter:counter', { ...counter, students: ['nett'] })] }),
    );
    expect(outcome.error).toMatchObject({ code: 'DMX_PART_STUDENT' });
  });

  it('that give weights which are not finite are told from a loss that is not', async () => {
    const broken = { ...counter, weigh: () => mul(ones([3]), Number.NaN) };
    const { outcome } = await tinyRun(oneEpoch({ more: [provide('weighter:counter', broken)] }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PART_NOT_FINITE' });
    expect(outcome.reason).toContain('class weights');
  });
});

describe('students', () => {
  /** The tiny network with a second head, whose bias follows that of the first. */
  const twoHeads = (headClasses = 3): StudentSlot => ({
    build: (ctx) => {
      const model = tinyStudent.build(ctx);
      return {
        ...model,
        heads: { second: { classes: 3, stride: [1, 1, 1] } },
        parameters: [
          ...model.parameters,
          {
            name: 'second.bias',
            shape: [3],
            initializer: { kind: 'constant', value: 5 },
            trainable: true,
            decay: false,
          },
        ],
        forward: (x, weights, pass) => {
          const output = model.forward(x, weights, pass);
          const head = add(output.logits, weights['second.bias']!);
          return {
            ...output,
            heads: { second: headClasses === 3 ? head : slice(head, [0, 0, 0, 0, 0], [-1, -1, -1, -1, headClasses]) },
          };
        },
        afterStep: (weights) => ({ 'second.bias': mul(add(weights['second.bias']!, weights['last.bias']!), 0.5) }),
      };
    },
  });
  const byHeads = (needs: LossSlot['takes']): LossSlot => ({
    takes: needs,
    evaluate: ({ views }, { ops }) => {
      const { heads, target } = views.labelled!;
      return { value: ops.softmaxCrossEntropyDice(heads.second!, target!, { crossEntropy: 1, dice: 1 }) };
    },
  });
  const given = (student: StudentSlot, supervised: LossSlot) => ({
    plugins: { student: provide('student:net', student), supervised: provide('loss:supervised', supervised) },
  });

  it('give heads to losses that take them, and average weights after the step', async () => {
    const { outcome, events } = await tinyRun(oneEpoch(given(twoHeads(), byHeads({ labelled: ['heads'] }))));
    expect(outcome.error).toBeNull();
    expect(eventsOf(events, 'step')).toHaveLength(3);
  });

  it('whose head has another shape than declared are named', async () => {
    const { outcome } = await tinyRun(oneEpoch(given(twoHeads(2), byHeads({ labelled: ['heads'] }))));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot: 'student:net', step: 0 });
    expect(outcome.reason).toContain('its logits of the head "second" have the shape [4,4,8,8,2]');
  });

  it('show a loss only what it takes', async () => {
    const { outcome } = await tinyRun(oneEpoch(given(twoHeads(), byHeads({ labelled: ['logits'] }))));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot: 'loss:supervised' });
    expect(outcome.reason).toContain('it read "heads" of the view "labelled", which it does not take');
  });
});

describe('losses', () => {
  /** Squared difference between what the student says about an image and about the image with noise. */
  const smooth: LossSlot = {
    takes: { unlabelled: ['logits'] },
    runsStudent: true,
    evaluate({ views, forward }, ctx) {
      const { image, logits } = views.unlabelled!;
      const noise = ctx.ops.random(image.shape, { distribution: 'normal', key: ctx.key('noise') });
      const again = forward!(add(image, mul(noise, 0.1)), 'noisy');
      return { value: mean(square(sub(again.logits, ctx.ops.detach(logits)))) };
    },
  };
  const more = [provide('loss:smooth', smooth)];
  const use = { loss: { supervised: 1, consistency: 1, smooth: 1 } };

  it('may run the student again', async () => {
    const { outcome, events } = await tinyRun(oneEpoch({ more, use }));
    expect(outcome.error).toBeNull();
    expect(eventsOf(events, 'step')[0]!.report.terms.smooth!.value).toBeGreaterThan(0);
  });

  it('that do so are refused where views pass one by one', async () => {
    const { outcome } = await tinyRun(oneEpoch({ more, use, train: { passes: 'by-view' } }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PART_NEEDS' });
    expect(outcome.reason).toContain('it runs the student again');
  });

  it('whose parts are lists are told how to report them', async () => {
    const plain = tinyLoss(['labelled']);
    const listing: LossSlot = {
      ...plain,
      evaluate: (input, ctx) => ({ ...plain.evaluate(input, ctx)!, parts: { all: ones([3]) } }),
    };
    const { outcome } = await tinyRun(oneEpoch({ plugins: { supervised: provide('loss:supervised', listing) } }));
    expect(outcome.reason).toContain('all has the shape [3]; expected a scalar (lists are shown by ctx.report)');
  });

  it('report lists', async () => {
    const plain = tinyLoss(['labelled']);
    const reporting: LossSlot = {
      ...plain,
      evaluate(input, ctx) {
        ctx.report('sizes', sum(zerosLike(input.views.labelled!.logits), [0, 1, 2, 3]), 'count');
        return plain.evaluate(input, ctx);
      },
    };
    const { events } = await tinyRun(oneEpoch({ plugins: { supervised: provide('loss:supervised', reporting) } }));
    expect(eventsOf(events, 'step')[0]!.report.reports['loss:supervised/net']).toEqual({
      sizes: { unit: 'count', values: [0, 0, 0] },
    });
  });

  it('that copy their context and their views are recorded as ever', async () => {
    let recorded = 0;
    const compileStep = (fn: TensorFunction<Tensor>): TensorFunction<Tensor> => {
      recorded++;
      return (inputs: NamedTensors<Tensor>) =>
        tidy(() => {
          const outputs = fn(inputs);
          for (const value of Object.values(outputs)) keep(value);
          return outputs;
        });
    };
    const plain = tinyLoss(['labelled', 'mixed-labelled']);
    const copying: LossSlot = {
      ...plain,
      evaluate({ views, ...rest }, { ops, ...others }) {
        const copied = Object.fromEntries(Object.entries(views).map(([name, view]) => [name, { ...view }]));
        return plain.evaluate({ ...rest, views: copied }, { ops, ...others });
      },
    };
    const plugins = { backend: tinyBackend({ compileStep }), supervised: provide('loss:supervised', copying) };
    expect(await weightsAfter({ plugins })).toBe(await weightsAfter({}));
    expect(recorded).toBe(2);
  });

  it('that ask the host are told of once', async () => {
    const plain = tinyLoss(['labelled']);
    const curious: LossSlot = {
      ...plain,
      evaluate: (input, ctx) => (ctx.host().position.step >= 0 ? plain.evaluate(input, ctx) : null),
    };
    const { events } = await tinyRun(oneEpoch({ plugins: { supervised: provide('loss:supervised', curious) } }));
    const told = eventsOf(events, 'warning').filter(({ message }) => message.includes('asks for what changes'));
    expect(told).toHaveLength(1);
    expect(told[0]!.message).toContain('loss:supervised');
  });
});

it('gradients are clipped to a norm', async () => {
  const norms: number[] = [];
  const watch = tinyPlugin([], ({ hooks }) => {
    hooks.gradientsReady.tap((gradients) => {
      const squares = Object.values(gradients).map((one) => values(sum(square(one)))[0]!);
      norms.push(Math.sqrt(squares.reduce((a, b) => a + b)));
      return undefined;
    });
  });
  await tinyRun(oneEpoch({ more: [watch], train: { clipNorm: 0.05 } }));
  expect(norms).toHaveLength(3);
  for (const norm of norms) expect(norm).toBeCloseTo(0.05, 5);
});
