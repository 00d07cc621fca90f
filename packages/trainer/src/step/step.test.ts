import '../../test/backend.js';
import type { MixItem, RunEvent } from '@dinomix/core';
import { add, mul, ones, scalar, softmax, sum, tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { tinyEma, tinyLoss, tinyMixer, tinyPlugin, tinyStudent } from '../../test/tiny-plugins.js';
import { eventsOf, oneEpoch, tinyRun, weightsAfter } from '../../test/tiny-run.js';
import type { LossSlot, TeacherSlot } from '../types.js';

function reports(events: readonly RunEvent[]) {
  return eventsOf(events, 'step').map(({ report }) => report);
}

const mixerThat = (look: (facts: Parameters<typeof tinyMixer.plan>[0]) => Promise<void>) =>
  tinyPlugin(['mixer:box'], (api) => {
    api.provide('mixer', 'box', () => ({
      ...tinyMixer,
      async plan(facts, ctx) {
        await look(facts);
        return tinyMixer.plan(facts, ctx);
      },
    }));
  });

const teacherThat = (change: Partial<TeacherSlot>) =>
  tinyPlugin(['teacher:ema'], (api) => api.provide('teacher', 'ema', () => ({ ...tinyEma(), ...change })));

describe('teachers', () => {
  it('give the same step whether they are asked in the graph, before the mix, outside of it, or through a hook', async () => {
    const inGraph = await weightsAfter({});
    const seen: number[] = [];
    const early = mixerThat(async (facts) => {
      const labels = (await facts.pseudoLabels())!;
      expect(labels).toHaveLength(2 * 4 * 8 * 8);
      seen.push(labels.reduce((total, label) => total + label, 0));
    });
    expect(await weightsAfter({ plugins: { mixer: early } })).toBe(inGraph);
    expect(seen).toHaveLength(3);
    const asynchronous = tinyEma();
    const outside = teacherThat({
      ...asynchronous,
      traceable: false,
      predict: async (parts, ctx) => tidy(() => asynchronous.predict(parts, ctx) as never),
    });
    expect(await weightsAfter({ plugins: { teacher: outside } })).toBe(inGraph);
    const hook = tinyPlugin([], (api) => api.hooks.teacherPredicted.tap(() => undefined));
    expect(await weightsAfter({ more: [hook] })).toBe(inGraph);
  });

  it('may be changed by a hook', async () => {
    const flat = tinyPlugin([], (api) => {
      api.hooks.teacherPredicted.tap((outputs, { batch }) => {
        expect(outputs.ema!.unlabelled!.probabilities!.net!.shape).toEqual([2, 4, 8, 8, 3]);
        const shape = [...batch.unlabelled!.shape, 3];
        const only = softmax(mul(ones(shape), tensor([0, 50, 0])));
        return { ema: { unlabelled: { probabilities: { net: only } } } };
      });
    });
    const { outcome, events } = await tinyRun(oneEpoch({ more: [flat] }));
    expect(outcome.error).toBeNull();
    for (const { targetVoxels } of reports(events)) {
      expect([targetVoxels.pseudo[0], targetVoxels.pseudo[2]]).toEqual([0, 0]);
      expect(targetVoxels.pseudo[1]).toBeGreaterThan(0);
    }
  });

  it('are opened with the crop of the run, can read whole volumes and warn', async () => {
    const opened: unknown[] = [];
    const plain = tinyEma();
    const teacher = teacherThat({
      ...plain,
      async open(ctx) {
        opened.push(ctx.patch);
        const { shape, image } = await ctx.volume('u2');
        opened.push(shape, image.length);
        // Normalised as the crops are: z-score.
        expect(image.reduce((sum, value) => sum + value, 0) / image.length).toBeCloseTo(0, 4);
        ctx.warn('the cache is cold');
        await plain.open!(ctx);
      },
    });
    const { outcome, events } = await tinyRun(oneEpoch({ plugins: { teacher } }));
    expect(outcome.error).toBeNull();
    expect(opened).toEqual([[4, 8, 8], [10, 12, 12], 1440]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'warning', message: 'the cache is cold' }));
  });

  it('may be left out of a step, whose plan must then do without', async () => {
    const rest = tinyPlugin([], (api) => api.hooks.teacherResolve.tap(() => ({ teachers: [] })));
    const { outcome } = await tinyRun(oneEpoch({ more: [rest] }));
    expect(outcome.error).toMatchObject({ code: 'DMX_MIX_PLAN' });
    expect(outcome.reason).toContain('without a teacher that gives probabilities');
    const wrong = tinyPlugin([], (api) => api.hooks.teacherResolve.tap(() => ({ teachers: ['dino'] })));
    expect((await tinyRun(oneEpoch({ more: [wrong] }))).outcome.error).toMatchObject({ code: 'DMX_TEACHER_CHOICE' });
  });

  it('that promise to be traceable and are not are named', async () => {
    const liar = teacherThat({ predict: async () => ({}) });
    const { outcome } = await tinyRun(oneEpoch({ plugins: { teacher: liar } }));
    expect(outcome.error).toMatchObject({ code: 'DMX_TEACHER_ASYNC' });
  });

  it('whose answer has the wrong shape are named', async () => {
    const wrong = teacherThat({ predict: () => ({ unlabelled: { probabilities: { net: ones([2, 4, 8, 8, 4]) } } }) });
    const { outcome } = await tinyRun(oneEpoch({ plugins: { teacher: wrong } }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot: 'teacher:ema' });
    expect(outcome.reason).toContain('[2, 4, 8, 8, 4]; expected [2, 4, 8, 8, 3]');
  });
});

describe('mixers', () => {
  it('see where the crops were cut, and whether unlabelled ones have a target', async () => {
    const seen: { labelled: string[]; unlabelled: string[]; hasPseudoLabels: boolean }[] = [];
    const looks = mixerThat(async ({ labelledCrops, unlabelledCrops, hasPseudoLabels }) => {
      const idsOf = (crops: typeof labelledCrops) => crops.map(({ caseId }) => caseId);
      seen.push({ labelled: idsOf(labelledCrops), unlabelled: idsOf(unlabelledCrops), hasPseudoLabels });
    });
    const batches: typeof seen = [];
    const hook = tinyPlugin([], ({ hooks }) => {
      hooks.batchReady.tap(({ labelled, unlabelled }) => {
        const idsOf = (crops: typeof labelled.crops) => crops.map(({ caseId }) => caseId);
        batches.push({
          labelled: idsOf(labelled.crops),
          unlabelled: idsOf(unlabelled!.crops),
          hasPseudoLabels: batches.length > 0,
        });
        return undefined;
      });
      hooks.teacherResolve.tap(() => ({ teachers: batches.length > 1 ? ['ema'] : [] }));
    });
    const { outcome } = await tinyRun(oneEpoch({ plugins: { mixer: looks }, more: [hook] }));
    // The mixer of the test mixes unlabelled crops all the same.
    expect(outcome.error).toMatchObject({ code: 'DMX_MIX_PLAN' });
    expect(seen).toEqual(batches);
    expect(seen[0]!.labelled).toHaveLength(2);
  });
});

describe('two students', () => {
  const students = (['a', 'b'] as const).map((id) =>
    tinyPlugin([`student:${id}`], (api) => api.provide('student', id as never, () => tinyStudent)),
  );
  const peer: TeacherSlot = {
    kind: 'peer',
    traceable: true,
    produces: { probabilities: true, tokens: false },
    looksAt: ['labelled', 'unlabelled'],
    provenance: null,
    predict: (parts, ctx) =>
      Object.fromEntries(
        Object.entries(parts).map(([part, { image }]) => {
          const said = ctx.students.map(({ model, weights, pass }) =>
            softmax(model.forward(image, weights, pass(true)).logits),
          );
          return [part, { probabilities: { a: said[1]!, b: said[0]! } }];
        }),
      ),
  };

  it('teach each other, keep apart and are tested together', async () => {
    const teacher = tinyPlugin(['teacher:peer'], (api) => api.provide('teacher', 'peer', () => peer));
    const consistency = tinyPlugin(['loss:consistency'], (api) =>
      api.provide('loss', 'consistency', () => tinyLoss(['labelled', 'unlabelled'], true)),
    );
    const plugins = { student: null, teacher, consistency, mixer: null };
    const { outcome, events } = await tinyRun({
      plugins,
      more: students,
      use: { student: ['a', 'b'], loss: { consistency: 1, supervised: 1 } },
    });
    expect(outcome.error).toBeNull();
    const [first] = reports(events);
    expect(Object.keys(first!.terms).sort()).toEqual([
      'consistency/a',
      'consistency/b',
      'supervised/a',
      'supervised/b',
    ]);
    expect(first!.terms['supervised/a']!.value).not.toBe(first!.terms['supervised/b']!.value);
    expect(Object.keys(first!.pseudoDice)).toEqual(['a', 'b']);
    expect(eventsOf(events, 'evaluation').map(({ report }) => report.weights)).toEqual([
      'student',
      'student',
      'student',
    ]);
  });
});

/** A teacher outside: the mean intensity of cells of 2 × 4 × 4 voxels, twice. */
const tokenTeacher: TeacherSlot = {
  kind: 'outside',
  produces: { probabilities: false, tokens: true },
  tokenChannels: () => 2,
  looksAt: ['labelled', 'unlabelled'],
  provenance: 'means, not features',
  async predict(parts) {
    await Promise.resolve();
    return Object.fromEntries(
      Object.entries(parts).map(([part, { data, image }]) => {
        const items = image.shape[0]!;
        const cells = new Float32Array(items * 8);
        for (let index = 0; index < data.length; index++) {
          const [item, voxel] = [Math.floor(index / 256), index % 256];
          const [z, y, x] = [Math.floor(voxel / 64), Math.floor(voxel / 8) % 8, voxel % 8];
          cells[item * 8 + Math.floor(z / 2) * 4 + Math.floor(y / 4) * 2 + Math.floor(x / 4)]! += data[index]! / 32;
        }
        const tokens = tensor(
          [...cells].flatMap((value) => [value, 2 * value]),
          [items, 2, 2, 2, 2],
        );
        return [part, { tokens }];
      }),
    );
  },
};

describe('tokens', () => {
  // Boxes along the borders of cells: mixing tokens is then the same as looking at the mixed image.
  const onCells = tinyPlugin(['mixer:box'], (api) => {
    api.provide('mixer', 'box', () => ({
      plan(facts, { position, rng }) {
        const donors = Array.from(
          { length: position.step + 1 },
          (_, item) => facts.donors.draw(1, 'centred', rng.stream('donor', item))!.crop,
        );
        const box = { from: [0, 4, 0], to: [2, 0, 4], size: [2, 4, 4], classDrawn: null } as const;
        const items = (set: 'labelled' | 'unlabelled'): MixItem[] =>
          [0, 1].map((item) => ({
            base: { set, item },
            pastes: [
              { ...box, source: { set: 'donor', item: position.step } },
              { ...box, to: [0, 4, 0], source: { set: 'labelled', item: 1 - item } },
            ],
          }));
        return { donors, labelled: items('labelled'), unlabelled: items('unlabelled'), pseudoWeight: 1 };
      },
    }));
  });

  it('are mixed as the crops are, donors included', async () => {
    const differences: number[] = [];
    const loss: LossSlot = {
      views: ['labelled', 'mixed-labelled', 'mixed-unlabelled'],
      needs: { probabilities: false, tokens: true },
      parameters: ({ tokenChannels }) => [
        {
          name: 'head',
          shape: [tokenChannels.means!],
          initializer: { kind: 'constant', value: 1 },
          trainable: true,
          decay: false,
        },
      ],
      evaluate({ views, weights }) {
        for (const { image, tokens } of Object.values(views)) {
          const items = image.shape[0]!;
          const data = image.dataSync<'float32'>();
          const found = tokens.means!.dataSync();
          for (let item = 0; item < items; item++) {
            for (let cell = 0; cell < 8; cell++) {
              let mean = 0;
              for (let voxel = 0; voxel < 32; voxel++) {
                const [z, y, x] = [Math.floor(voxel / 16), Math.floor(voxel / 4) % 4, voxel % 4];
                const at = (((cell >> 2) * 2 + z) * 8 + ((cell >> 1) & 1) * 4 + y) * 8 + (cell & 1) * 4 + x;
                mean += data[item * 256 + at]! / 32;
              }
              differences.push(Math.abs(mean - found[(item * 8 + cell) * 2]!));
            }
          }
        }
        return { value: mul(0.1, sum(weights.head!)) };
      },
    };
    const teacher = tinyPlugin(['teacher:means'], (api) => api.provide('teacher', 'means', () => tokenTeacher));
    const distil = tinyPlugin(['loss:distil'], (api) => api.provide('loss', 'distil', () => loss));
    const given = {
      plugins: { mixer: onCells },
      more: [teacher, distil],
      use: { teacher: ['ema', 'means'], loss: { supervised: 1, consistency: 1, distil: 1 } },
    };
    const { outcome, events } = await tinyRun(oneEpoch(given));
    expect(outcome.error).toBeNull();
    expect(differences).toHaveLength(3 * 6 * 8);
    expect(Math.max(...differences)).toBeLessThan(1e-5);
    const [start] = eventsOf(events, 'run.start');
    expect(start!.record.teachers).toEqual({ means: 'means, not features' });
  });
});

describe('losses', () => {
  it('may keep buffers of their own from step to step', async () => {
    const plain = tinyLoss(['labelled']);
    const counting: LossSlot = {
      ...plain,
      parameters: () => [
        { name: 'steps', shape: [], initializer: { kind: 'constant', value: 0 }, trainable: false, decay: false },
      ],
      evaluate(input, ctx) {
        ctx.updateBuffer('steps', add(input.weights.steps!, 1));
        return { ...plain.evaluate(input, ctx)!, parts: { steps: input.weights.steps! } };
      },
    };
    const supervised = tinyPlugin(['loss:supervised'], (api) => api.provide('loss', 'supervised', () => counting));
    const { outcome, events } = await tinyRun(oneEpoch({ plugins: { supervised } }));
    expect(outcome.error).toBeNull();
    expect(reports(events).map(({ terms }) => terms.supervised!.parts.steps)).toEqual([0, 1, 2]);
  });

  it.each(['pseudoLabels', 'probabilities'] as const)('that need %s are refused without a teacher', async (need) => {
    const slot: LossSlot = { ...tinyLoss(['labelled']), needs: { probabilities: false, tokens: false, [need]: true } };
    const supervised = tinyPlugin(['loss:supervised'], (api) => api.provide('loss', 'supervised', () => slot));
    const without = { supervised, teacher: null, mixer: null, consistency: null };
    const { outcome } = await tinyRun(oneEpoch({ plugins: without, use: { loss: { supervised: 1 } } }));
    expect(outcome.error).toMatchObject({ code: 'DMX_LOSS_NEEDS' });
    expect(outcome.reason).toContain('a teacher that gives probabilities');
  });

  it('get classes without probabilities where they need no more', async () => {
    const seen: [boolean, boolean][] = [];
    const looks = (probabilities: boolean): LossSlot => {
      const plain = tinyLoss(['labelled']);
      return {
        ...plain,
        needs: { pseudoLabels: true, probabilities, tokens: false },
        evaluate(input, ctx) {
          const { pseudo } = input.views.labelled!;
          seen.push([pseudo !== null, pseudo?.probabilities != null]);
          return plain.evaluate(input, ctx);
        },
      };
    };
    const everywhere = teacherThat({ looksAt: ['labelled', 'unlabelled'], predict: predictAll });
    for (const probabilities of [false, true]) {
      const supervised = tinyPlugin(['loss:supervised'], (api) =>
        api.provide('loss', 'supervised', () => looks(probabilities)),
      );
      // The mixer reads pseudo-labels, so that the teachers are asked in a graph of their own.
      const mixer = mixerThat(async (facts) => void (await facts.pseudoLabels()));
      const plugins = { supervised, teacher: everywhere, consistency: null, mixer };
      const { outcome } = await tinyRun(oneEpoch({ plugins, use: { loss: { supervised: 1 } } }));
      expect(outcome.error).toBeNull();
    }
    expect(seen).toEqual([...Array(3).fill([true, false]), ...Array(3).fill([true, true])]);
  });
});

/** A mean teacher that is asked about both parts. */
const predictAll: TeacherSlot['predict'] = (parts, ctx) =>
  Object.fromEntries(
    Object.entries(parts).map(([part, { image }]) => {
      const [student] = ctx.students;
      const output = student!.model.forward(image, student!.weights, student!.pass(false));
      return [part, { probabilities: { net: softmax(output.logits) } }];
    }),
  );

describe('plugins that fail', () => {
  const alone = { teacher: null, mixer: null, consistency: null };
  const use = { loss: { supervised: 1 } };

  it.each([
    [
      'loss:supervised',
      () => ({
        ...alone,
        supervised: lossThat(() => {
          throw new Error('no target');
        }),
      }),
      'no target',
    ],
    [
      'student:net',
      () => ({ ...alone, student: studentThat([2, 4, 8, 8, 2]) }),
      'its logits have the shape [2,4,8,8,2]',
    ],
  ])('are named with epoch and step: %s', async (slot, plugins, reason) => {
    const { outcome } = await tinyRun(oneEpoch({ plugins: plugins(), use }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot, epoch: 0, step: 0 });
    expect(outcome.reason).toContain(reason);
  });

  it('to reach a student are named', async () => {
    const { outcome } = await tinyRun(
      oneEpoch({
        plugins: { ...alone, supervised: lossThat(() => ({ value: scalar(1) })) },
        use,
      }),
    );
    expect(outcome.error).toMatchObject({ code: 'DMX_GRADIENT_NONE' });
  });
});

function lossThat(evaluate: LossSlot['evaluate']) {
  const slot: LossSlot = { views: ['labelled'], needs: { probabilities: false, tokens: false }, evaluate };
  return tinyPlugin(['loss:supervised'], (api) => api.provide('loss', 'supervised', () => slot));
}

function studentThat(shape: number[]) {
  return tinyPlugin(['student:net'], (api) =>
    api.provide('student', 'net', () => ({
      build: (ctx) => ({ ...tinyStudent.build(ctx), forward: () => ({ logits: ones(shape), features: {} }) }),
    })),
  );
}
