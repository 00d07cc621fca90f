import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkWorkspace, importsOf, type Manifest, type Package, readWorkspace } from './import-rules.js';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('this workspace', () => {
  it('keeps every rule on imports and manifests', () => {
    const packages = readWorkspace(root);
    expect(packages.map((one) => one.folder)).toEqual(expect.arrayContaining(['packages/core', 'plugins/mixer-pic']));
    expect(checkWorkspace(packages)).toEqual([]);
  });
});

describe('importsOf', () => {
  it('finds every kind of import and tells types from values', () => {
    const source = `
      import 'a'; import b from 'b'; import type { C } from 'c'; import { type D } from 'd'; import { type E, e } from 'e';
      export { f } from 'f'; export type { G } from 'g'; export * from 'h';
      const i = await import('i'); const j = require('j'); type K = import('k').K;
      // import 'l'
      const m = "import 'm'";
    `;
    const found = importsOf(source).map(
      ({ specifier, typeOnly, dynamic }) => `${specifier}${typeOnly ? ' type' : ''}${dynamic ? ' dynamic' : ''}`,
    );
    expect(found).toEqual([
      'a',
      'b',
      'c type',
      'd type',
      'e',
      'f',
      'g type',
      'h',
      'i dynamic',
      'j dynamic',
      'k type dynamic',
    ]);
  });
});

/** A package with good manners, plus what a case adds. */
function pack(folder: string, sources: Readonly<Record<string, string>>, manifest: Partial<Manifest> = {}): Package {
  const name = `@dinomix/${folder.split('/')[1]}`;
  const files = Object.fromEntries(Object.entries(sources).map(([file, text]) => [file, importsOf(text)]));
  const good = { type: 'module', engines: { node: '>=20' }, exports: { '.': {}, './package.json': {} } };
  return { folder, files, manifest: { name, ...good, ...manifest } };
}

const peers = (...names: readonly string[]) => ({
  peerDependencies: Object.fromEntries(names.map((name) => [name, '^1.0.0'])),
});
const needs = (...names: readonly string[]) => ({
  dependencies: Object.fromEntries(names.map((name) => [name, '^1.0.0'])),
});
const core = pack('packages/core', {}, { exports: { '.': {}, './di': {}, './package.json': {} } });
const pic = pack('plugins/mixer-pic', {});

const BREACHES: readonly (readonly [rule: string, breach: Package])[] = [
  [
    'a circle of imports: src/a.ts -> src/b.ts -> src/a.ts',
    pack('plugins/loss-x', { 'src/a.ts': "import type { B } from './b.js'", 'src/b.ts': "import { a } from './a.js'" }),
  ],
  ['no package of ours', pack('packages/volume', { 'src/a.ts': "import '@dinomix/core'" }, needs('@dinomix/core'))],
  [
    'core may import volume',
    pack('packages/core', { 'src/a.ts': "import '@dinomix/trainer'" }, needs('@dinomix/trainer')),
  ],
  [
    'trainer may import core, data, volume',
    pack('packages/trainer', { 'src/a.ts': "import '@dinomix/mixer-pic'" }, needs('@dinomix/mixer-pic')),
  ],
  [
    'never another plugin',
    pack('plugins/mixer-bcp', { 'src/a.ts': "import '@dinomix/mixer-pic'" }, peers('@dinomix/mixer-pic')),
  ],
  [
    'only types of trainer',
    pack('plugins/loss-x', { 'src/a.ts': "import { step } from '@dinomix/trainer'" }, peers('@dinomix/trainer')),
  ],
  [
    'a preset imports plugins and core',
    pack('plugins/preset-x', { 'src/a.ts': "import '@dinomix/trainer'" }, needs('@dinomix/trainer')),
  ],
  ['is a peer, not in dependencies', pack('plugins/mixer-x', {}, needs('@dinomix/core'))],
  ['src/hooks only', pack('packages/core', { 'src/host/a.ts': "import 'tapable'" }, needs('tapable'))],
  ['which only core depends on', pack('plugins/mixer-x', {}, needs('tapable'))],
  ['src/scope/di.ts only', pack('packages/core', { 'src/scope/scope.ts': "import 'tsyringe'" }, needs('tsyringe'))],
  [
    'src/scope/di.ts only',
    pack('plugins/mixer-x', { 'src/a.ts': "import 'reflect-metadata'" }, needs('reflect-metadata')),
  ],
  [
    'backend-onnxruntime and teacher-dinov3 only',
    pack('packages/cli', { 'src/a.ts': "await import('onnxruntime-node')" }, needs('onnxruntime-node')),
  ],
  [
    'by backends only',
    pack(
      'plugins/loss-x',
      { 'src/a.ts': "import '@tensorflow/tfjs-backend-cpu'" },
      needs('@tensorflow/tfjs-backend-cpu'),
    ),
  ],
  [
    'tensors are known to',
    pack(
      'packages/core',
      { 'src/a.ts': "import type { Tensor } from '@tensorflow/tfjs-core'" },
      peers('@tensorflow/tfjs-core'),
    ),
  ],
  ['reads files in src/config and src/json only', pack('packages/core', { 'src/host/a.ts': "import 'node:fs'" })],
  [
    'heavy imports belong',
    pack(
      'plugins/teacher-dinov3',
      { 'src/index.ts': "import './a.js'", 'src/a.ts': "import 'onnxruntime-node'" },
      needs('onnxruntime-node'),
    ),
  ],
  [
    'is not in the exports of',
    pack('plugins/mixer-x', { 'src/a.ts': "import '@dinomix/core/src/host/host.js'" }, peers('@dinomix/core')),
  ],
  ['stays inside its package', pack('plugins/mixer-x', { 'src/a.ts': "import '../../mixer-pic/src/index.js'" })],
  [
    'what is traced imports nothing of what happens around it',
    pack('packages/trainer', {
      'src/step/graph/passes/a.ts': "import type { B } from '../../host/b.js'",
      'src/step/host/b.ts': '',
    }),
  ],
  ['is not declared in package.json', pack('plugins/mixer-x', { 'src/a.ts': "import 'lodash'" })],
  ['"type" is "module"', pack('plugins/mixer-x', {}, { type: 'commonjs' })],
  ['"exports" has "./package.json"', pack('plugins/mixer-x', {}, { exports: { '.': {} } })],
];

describe('the rules', () => {
  it.each(BREACHES)('refuse what breaks "%s"', (rule, breach) => {
    const others = [core, pic].filter((one) => one.manifest.name !== breach.manifest.name);
    const found = checkWorkspace([breach, ...others]);
    expect(found.length).toBeGreaterThan(0);
    expect(found.join('\n')).toContain(rule);
    expect(found.every((line) => line.startsWith(breach.folder))).toBe(true);
  });

  it('accept what they allow', () => {
    const fine = [
      core,
      pic,
      pack(
        'packages/trainer',
        { 'src/a.ts': "import '@dinomix/core'; import * as tf from '@tensorflow/tfjs-core'" },
        { ...needs('@dinomix/core'), ...peers('@tensorflow/tfjs-core') },
      ),
      pack(
        'plugins/teacher-dinov3',
        {
          'src/index.ts':
            "import { definePlugin } from '@dinomix/core'; import type { Ops } from '@dinomix/trainer'; const a = () => import('./a.js')",
          'src/a.ts': "import 'onnxruntime-node'",
        },
        { ...peers('@dinomix/core', '@dinomix/trainer'), ...needs('onnxruntime-node') },
      ),
      pack(
        'plugins/preset-x',
        { 'src/index.ts': "import '@dinomix/mixer-pic'; import '@dinomix/core'" },
        { ...needs('@dinomix/mixer-pic'), ...peers('@dinomix/core') },
      ),
      pack(
        'plugins/loss-x',
        { 'src/a.test.ts': "import '@tensorflow/tfjs-backend-cpu'; import 'vitest'" },
        { devDependencies: { '@tensorflow/tfjs-backend-cpu': '4' } },
      ),
    ];
    expect(checkWorkspace(fine)).toEqual([]);
  });
});
