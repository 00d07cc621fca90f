import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createVolume, writeNifti } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, fileOf, makeCase } from '../support/small-project.js';

/** Changes the bytes of a gzipped NIfTI file. */
async function patch(file: string, change: (bytes: Buffer) => void): Promise<void> {
  const bytes = gunzipSync(await readFile(file));
  change(bytes);
  await writeFile(file, gzipSync(bytes));
}

const damages: Readonly<
  Record<string, { readonly damage: (folder: string) => Promise<void>; readonly file: string; readonly says: RegExp }>
> = {
  'a truncated file': {
    damage: async (folder) => {
      const file = fileOf(folder, 'image', 'a');
      await writeFile(file, (await readFile(file)).subarray(0, 200));
    },
    file: 'imagesTr/a_0000.nii.gz',
    says: /gzip|ends|bytes/,
  },
  'a wrong magic': {
    damage: (folder) => patch(fileOf(folder, 'image', 'b'), (bytes) => bytes.write('oops', 344)),
    file: 'imagesTr/b_0000.nii.gz',
    says: /magic/,
  },
  'a spacing of zero': {
    damage: (folder) => patch(fileOf(folder, 'image', 'c'), (bytes) => bytes.writeFloatLE(0, 80)),
    file: 'imagesTr/c_0000.nii.gz',
    says: /pixdim\[1\]/,
  },
  'a spacing that is NaN': {
    damage: (folder) => patch(fileOf(folder, 'image', 'd'), (bytes) => bytes.writeFloatLE(Number.NaN, 88)),
    file: 'imagesTr/d_0000.nii.gz',
    says: /pixdim\[3\]/,
  },
  'image and label of different shape': {
    damage: async (folder) => {
      const { affine } = makeCase(0).label;
      const small = createVolume({ data: new Uint8Array(7 * 256).fill(1), shape: [7, 16, 16], affine });
      await writeNifti(fileOf(folder, 'label', 'a'), small);
    },
    file: 'labelsTr/a.nii.gz',
    says: /\[7,16,16\].*\[8,16,16\]/s,
  },
  'a label that is no class': {
    damage: async (folder) => {
      const { label } = makeCase(1);
      label.data[256 + 2 * 16 + 3] = 9;
      await writeNifti(fileOf(folder, 'label', 'b'), label);
    },
    file: 'labelsTr/b.nii.gz',
    says: /label 9 at voxel \(i, j, k\) = \(3,2,1\)/,
  },
  'an intensity that is NaN': {
    damage: async (folder) => {
      const { image } = makeCase(3);
      image.data[16 + 1] = Number.NaN;
      await writeNifti(fileOf(folder, 'image', 'd'), image);
    },
    file: 'imagesTr/d_0000.nii.gz',
    says: /NaN.*\(i, j, k\) = \(1,1,0\)/s,
  },
};

describe('files that cannot be used', () => {
  it('are all reported by data check, each by name, with cause and cure', async () => {
    const folder = await createProject();
    // Each damages a file of its own where it can; a file with two damages would show the first.
    const together = ['a truncated file', 'a wrong magic', 'a spacing of zero', 'a spacing that is NaN'] as const;
    for (const name of together) await damages[name]!.damage(folder);
    await damages['a label that is no class']!.damage(folder);
    const { code, out } = await dinomix(folder, 'data', 'check', '--json');
    expect(code).toBe(1);
    const { problems } = JSON.parse(out) as {
      readonly problems: readonly { severity: string; file: string; message: string; fix: string }[];
    };
    const errors = problems.filter(({ severity }) => severity === 'error');
    for (const name of [...together, 'a label that is no class']) {
      const { file, says } = damages[name]!;
      const found = errors.filter((problem) => problem.file === join(folder, 'data', file));
      expect(found, name).toHaveLength(1);
      expect(found[0]!.message, name).toMatch(says);
      expect(found[0]!.fix.length, name).toBeGreaterThan(10);
    }
    expect(errors).toHaveLength(together.length + 1);
  });

  it.each(Object.entries(damages))(
    '%s ends training with 1 before a step is made',
    async (_, { damage, file, says }) => {
      const folder = await createProject();
      await damage(folder);
      const { code, err } = await dinomix(folder, 'train', '-o', 'run');
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(join(folder, 'data', file)) });
      expect(err).toMatch(says);
      expect(err).toMatch(/^ {2}fix {2}\S/m);
      expect(existsSync(join(folder, 'run', 'checkpoints'))).toBe(false);
    },
  );
});

describe('preparation in advance', () => {
  const cache = ['--set', 'dataset.nnunet.cache=cache'];

  it('ends at a truncated file among many; told to go on it records what it left out, and training still refuses it', async () => {
    const folder = await createProject();
    const file = fileOf(folder, 'image', 'b');
    await writeFile(file, (await readFile(file)).subarray(0, 200));
    const stopped = await dinomix(folder, 'data', 'prepare', ...cache, '--workers', '2');
    expect({ code: stopped.code, err: stopped.err }).toMatchObject({ code: 1, err: expect.stringContaining(file) });
    expect(stopped.err).toMatch(/gzip/);

    const went = await dinomix(folder, 'data', 'prepare', ...cache, '--workers', '2', '--keep-going');
    expect(went).toMatchObject({ code: 1, out: expect.stringContaining('1 left out') });
    const record = JSON.parse(await readFile(join(folder, 'cache/prepared.json'), 'utf8'));
    expect(record.total).toBe(4);
    const failed = record.cases.filter(({ state }: { readonly state: string }) => state === 'failed');
    expect(failed).toMatchObject([{ caseId: 'b', role: 'labelled', reason: expect.stringContaining(file) }]);
    const written = (await readdir(join(folder, 'cache'))).filter((name) => name.endsWith('.safetensors'));
    expect(written.map((name) => name[0]).sort()).toEqual(['a', 'c', 'd']);

    const trained = await dinomix(folder, 'train', ...cache, '-o', 'run');
    expect({ code: trained.code, err: trained.err }).toMatchObject({ code: 1, err: expect.stringContaining(file) });
    expect(trained.err).toContain('"dinomix data prepare" left out a case of this data set: "b"');
    expect(trained.err).toContain(`${join(folder, 'cache/prepared.json')} tells`);
  });
});

describe('splits and classes', () => {
  it('a label file of an unlabelled case is never opened', async () => {
    const folder = await createProject();
    await writeFile(fileOf(folder, 'label', 'd'), 'no NIfTI file');
    expect((await dinomix(folder, 'data', 'check')).code).toBe(0);
    expect(await dinomix(folder, 'train', '-o', 'run')).toMatchObject({ code: 0, err: expect.any(String) });
  });

  it('a pipe in the place of such a file is named: whoever opened it would wait for ever', async () => {
    const folder = await createProject();
    execFileSync('mkfifo', [fileOf(folder, 'label', 'd')]);
    for (const command of [
      ['data', 'check'],
      ['train', '-o', 'run'],
    ]) {
      const { code, out, err } = await dinomix(folder, ...command);
      expect({ code, text: out + err }).toMatchObject({ code: 1, text: expect.stringContaining('is no regular file') });
    }
  });

  it.each([
    ['labelled', { labelled: [], unlabelled: ['a', 'b', 'd'], validation: ['c'], test: [] }],
    ['unlabelled', { labelled: ['a', 'b'], unlabelled: [], validation: ['c'], test: [] }],
    ['validation', { labelled: ['a', 'b', 'c'], unlabelled: ['d'], validation: [], test: [] }],
  ])('an empty part "%s" that training needs is named', async (part, split) => {
    const folder = await createProject();
    await writeFile(join(folder, 'data/split.json'), JSON.stringify(split));
    const { code, err } = await dinomix(folder, 'train', '-o', 'run');
    expect(code).toBe(1);
    expect(err).toContain(`"${part}"`);
    expect(err).toMatch(/^ {2}fix {2}\S/m);
  });

  it('a class that no labelled case has is an error of training and of the check', async () => {
    const folder = await createProject();
    for (const [number, id] of ['a', 'b'].entries()) {
      const { label } = makeCase(number);
      label.data.forEach((value, index) => {
        if (value === 2) label.data[index] = 0;
      });
      await writeNifti(fileOf(folder, 'label', id), label);
    }
    const check = await dinomix(folder, 'data', 'check');
    expect(check.code).toBe(1);
    expect(check.out).toContain('no labelled case contains "bar" (2)');
    const { code, err } = await dinomix(folder, 'train', '-o', 'run');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('"bar"') });
  });
});

describe('configs', () => {
  it.each([
    ['an unknown key', ['--set', 'train.epoch=3'], 'Did you mean "epochs"?'],
    ['an unknown option of a plugin', ['--set', 'mixer.pic.box=3'], 'Did you mean "boxes"?'],
    ['an unknown plugin id', ['--use', 'mixer=pci'], 'Did you mean "pic"?'],
    ['an unknown slot', ['--off', 'mixr'], 'Did you mean "mixer"?'],
  ])('%s on the command line ends with 2 and the nearest name', async (_, args, says) => {
    const folder = await createProject();
    const { code, err } = await dinomix(folder, 'explain', ...args);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining(says) });
  });

  it('an unknown key in the file ends with 2 and the nearest name', async () => {
    const folder = await createProject({ train: 'epochz: 3' });
    const { code, err } = await dinomix(folder, 'train');
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean "epochs"?') });
    expect(existsSync(join(folder, 'runs'))).toBe(false);
  });

  it('two plugins for one id end with 2 and both names', async () => {
    const folder = await createProject({
      plugins: "plugin('another-pic', ['mixer:pic'], (api) => api.provide('mixer', 'pic', () => ({})))",
    });
    const { code, err } = await dinomix(folder, 'train');
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('another-pic') });
    expect(err).toContain('@dinomix/mixer-pic');
  });

  it('a plugin that throws in a hook is named with hook, epoch and step, and earlier checkpoints stay', async () => {
    const folder = await createProject({
      plugins: `plugin('thrower', [], (api) => api.hooks.stepEnd.tap(({ position }) => {
        if (position.step === 3) throw new Error('not today');
      }))`,
      train: 'epochs: 3',
    });
    const { code, err } = await dinomix(folder, 'train', '-o', 'run');
    expect(code).toBe(1);
    expect(err).toContain('thrower 1.0.0 failed in step.end');
    expect(err).toMatch(/epoch 1, step 3/);
    expect(err).toContain('not today');
    expect(await readdir(join(folder, 'run/checkpoints'))).toContain('checkpoint-00000002.safetensors');
  });
});

describe('a disk that is full while a checkpoint is written', () => {
  it('leaves the one before whole, and the run goes on from there when there is room again', async (ctx) => {
    const folder = await createProject({
      // Takes all room that is left after the second epoch, in pieces down to a byte.
      before: `
        import { appendFileSync } from 'node:fs';
        const fill = () => {
          for (let size = 65536; size >= 1; size = size / 2) {
            try { for (;;) appendFileSync('run/filler', new Uint8Array(size)); } catch { /* smaller */ }
          }
        };`,
      plugins: `plugin('filler', [], (api) => api.hooks.epochEnd.tap(({ position }) => {
        if (process.env.FILL && position.epoch === 1) fill();
      }))`,
      train: 'epochs: 3',
    });
    const run = join(folder, 'run');
    await mkdir(run);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', run], { stdio: 'pipe' });
    } catch (thrown) {
      console.info(`skipped: a small disk cannot be mounted here (${(thrown as Error).message.trim()})`);
      return ctx.skip();
    }
    try {
      process.env.FILL = 'yes';
      const { code, err } = await dinomix(folder, 'train', '-o', 'run');
      delete process.env.FILL;
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('ENOSPC') });
      expect(err).toContain('checkpoint-00000002, is whole');
      expect((await readdir(join(run, 'checkpoints'))).sort()).toEqual([
        'checkpoint-00000002.json',
        'checkpoint-00000002.safetensors',
      ]);
      await rm(join(run, 'filler'));
      const resumed = await dinomix(folder, 'resume', 'run');
      expect({ code: resumed.code, err: resumed.err }).toMatchObject({ code: 0 });
      expect(await readdir(join(run, 'checkpoints'))).toContain('checkpoint-00000006.safetensors');
    } finally {
      delete process.env.FILL;
      execFileSync('umount', [run]);
    }
  });
});
