// The traps T1 to T7, of tsyringe; those of tapable are beside the hooks. Each test first shows the trap in the library
// itself, then that it is closed here. When a new version removes a trap, the first half fails and says so.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import 'reflect-metadata';
import { injectable as rawInjectable, container as rootContainer } from 'tsyringe';
import ts from 'typescript';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { required, testPlugin } from '../../test/plugins.js';
import { inject, injectable } from '../di.js';
import { createHost, createScope, type Scope, token } from '../index.js';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const NAME = token<string>('trap.name');

mkdirSync(new URL('../../dist', import.meta.url), { recursive: true });
const scratch = mkdtempSync(fileURLToPath(new URL('../../dist/traps-', import.meta.url)));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const DECORATED = `
  import { inject, injectable } from '${pathToFileURL(`${packageRoot}src/di.ts`).pathname}';
  import { token } from '${pathToFileURL(`${packageRoot}src/slots/tokens.ts`).pathname}';
  const NAME = token('trap.name');
  interface Labelled { readonly length: number }
  class Known {}
  @injectable() export class Explicit { constructor(@inject(NAME) public name: Labelled) {} }
  @injectable() export class Implicit { constructor(public name: Labelled) {} }
  @injectable() export class ImplicitClass { constructor(public known: Known) {} }
`;

type Classes = Readonly<
  Record<'Explicit' | 'Implicit' | 'ImplicitClass', new (name: never) => { readonly name: unknown }>
>;

async function compiledBy(compiler: 'esbuild' | 'tsc'): Promise<{ code: string; classes: Classes }> {
  const compilerOptions = { experimentalDecorators: true, emitDecoratorMetadata: true };
  const code =
    compiler === 'esbuild'
      ? (await transform(DECORATED, { loader: 'ts', tsconfigRaw: { compilerOptions } })).code
      : ts.transpileModule(DECORATED, {
          compilerOptions: { ...compilerOptions, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
        }).outputText;
  const file = `${scratch}/${compiler}.mjs`;
  writeFileSync(file, code);
  return { code, classes: (await import(/* @vite-ignore */ file)) as Classes };
}

function namedScope(): Scope {
  const scope = createScope('host');
  scope.bindValue(NAME, 'value');
  return scope;
}

const failsWith = (code: string, more: object = {}) => expect.objectContaining({ code, ...more });

describe('T1: not every compiler writes constructor metadata', () => {
  it('so implicit injection works in one program and fails in another, and explicit works in both', async () => {
    const [esbuild, tsc] = [await compiledBy('esbuild'), await compiledBy('tsc')];
    expect([tsc.code.includes('design:paramtypes'), esbuild.code.includes('design:paramtypes')]).toEqual([true, false]);
    const scope = namedScope();
    expect(scope.construct(tsc.classes.ImplicitClass)).toBeInstanceOf(tsc.classes.ImplicitClass);
    expect(() => scope.construct(esbuild.classes.ImplicitClass)).toThrowError(
      failsWith('DMX_CLASS_METADATA', { fix: expect.stringContaining('@inject(TOKEN)') }),
    );
    for (const { classes } of [esbuild, tsc]) expect(scope.construct(classes.Explicit).name).toBe('value');
  });

  it('and this workspace writes none, so a forgotten @inject fails in its tests too', () => {
    const config = ts.readConfigFile(`${packageRoot}../../tsconfig.base.json`, ts.sys.readFile).config as {
      compilerOptions: Record<string, unknown>;
    };
    expect(config.compilerOptions).not.toHaveProperty('emitDecoratorMetadata');
  });
});

describe('T2: parameter decorators are no standard syntax', () => {
  const codesOf = (source: string): readonly number[] => {
    const options = {
      noResolve: true,
      noLib: true,
      erasableSyntaxOnly: true,
      target: ts.ScriptTarget.ES2022,
      types: [],
    };
    const host = ts.createCompilerHost(options);
    const original = host.getSourceFile.bind(host);
    host.getSourceFile = (name, language) =>
      name === 'x.ts' ? ts.createSourceFile(name, source, language) : original(name, language);
    const program = ts.createProgram(['x.ts'], options, host);
    return ts.getPreEmitDiagnostics(program).map((diagnostic) => diagnostic.code);
  };

  it('so they are refused where only types may be erased, and bindClass is not', () => {
    const PARAMETER_DECORATOR = 1206;
    const NOT_ERASABLE = 1294;
    const decorated = codesOf('declare const i: any; class A { constructor(@i() private name: string) {} }');
    expect(decorated).toEqual(expect.arrayContaining([PARAMETER_DECORATOR, NOT_ERASABLE]));
    const plain = codesOf(
      'declare const scope: any, A: any, NAME: any; class B { readonly name: string; constructor(name: string) { this.name = name; } } scope.bindClass(A, B, [NAME]);',
    );
    expect(plain.filter((code) => code === PARAMETER_DECORATOR || code === NOT_ERASABLE)).toEqual([]);
  });

  it('and classes without decorators resolve', () => {
    class Service {
      readonly name: string;
      constructor(name: string) {
        this.name = name;
      }
    }
    const SERVICE = token<Service>('trap.service');
    const scope = namedScope();
    scope.bindClass(SERVICE, Service, [NAME]);
    expect(scope.resolve(SERVICE).name).toBe('value');
  });
});

describe('T3: interfaces leave no metadata', () => {
  it('so an implicit interface parameter fails with the name of the class, and an explicit one resolves', async () => {
    const { code, classes } = await compiledBy('tsc');
    expect(code).toContain('__metadata("design:paramtypes", [Object])');
    expect(() => rootContainer.resolve(classes.Implicit as never)).toThrow(/TypeInfo not known for "Object"/);
    const scope = namedScope();
    expect(() => scope.construct(classes.Implicit)).toThrowError(
      failsWith('DMX_CLASS_METADATA', { summary: 'Implicit cannot be constructed' }),
    );
    expect(scope.construct(classes.Explicit).name).toBe('value');
  });
});

describe('T4: tsyringe must find reflect-metadata loaded', () => {
  const run = (code: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: packageRoot, encoding: 'utf8' });

  it('so one file of core imports both, in that order, and is kept by bundlers', () => {
    expect(run("import 'tsyringe'").stderr).toMatch(/tsyringe requires a reflect polyfill/);
    expect(run("import 'reflect-metadata'; import 'tsyringe'").status).toBe(0);
    const imports = [
      ...readFileSync(`${packageRoot}src/scope/di.ts`, 'utf8').matchAll(/^(?:import|\} from).*'([^'.]+)';$/gm),
    ];
    expect(imports.map((match) => match[1])).toEqual(['reflect-metadata', 'tsyringe']);
    const manifest = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { sideEffects: string[] };
    expect(manifest.sideEffects).toContain('./dist/scope/di.js');
  });
});

describe('T5: two copies of tsyringe do not know each other', () => {
  it('so plugins hand over factories and tokens are registered symbols', async () => {
    const loadCopy = () => {
      for (const file of Object.keys(require.cache)) if (file.includes('/tsyringe/')) delete require.cache[file];
      return require('tsyringe') as typeof import('tsyringe');
    };
    const [one, two] = [loadCopy(), loadCopy()];
    class Dependency {}
    class Foreign {
      readonly dependency: Dependency;
      constructor(dependency: Dependency) {
        this.dependency = dependency;
      }
    }
    Reflect.defineMetadata('design:paramtypes', [Dependency], Foreign);
    one.injectable()(Foreign);
    expect(() => two.container.resolve(Foreign)).toThrow(/TypeInfo not known for "Foreign"/);

    vi.resetModules();
    const copy = await import('../index.js');
    expect(copy.createHost).not.toBe(createHost);
    expect(namedScope().resolve(copy.token<string>('trap.name'))).toBe('value');
    const mixer = copy.definePlugin({
      name: '@test/foreign',
      version: '1.0.0',
      core: '^1.0.0',
      api: 1,
      provides: ['mixer:foreign'],
      options: noOptions,
      setup: (api) => api.provide('mixer', 'foreign', () => ({ plan: (facts) => facts.previous })),
    });
    const host = await createHost({ config: copy.defineConfig({ plugins: [...required(), mixer()] }) });
    const run = host.createRun({ id: 'r-1', directory: '/runs/r-1' });
    expect((await run.resolve('mixer')).map((bound) => bound.id)).toEqual(['foreign']);
    await host.dispose();
  });
});

const noOptions = {
  '~standard': {
    version: 1 as const,
    vendor: 'test',
    validate: (value: unknown) => ({ value: value as Record<string, never> }),
  },
};

describe('T6: a singleton of a parent keeps what the child overrode', () => {
  it('so everything is made from the scope that owns the binding', () => {
    class Holder {
      readonly name: string;
      constructor(name: string) {
        this.name = name;
      }
    }
    inject(NAME)(Holder, undefined, 0);
    injectable()(Holder);
    const raw = rootContainer.createChildContainer();
    raw.register(NAME.key, { useValue: 'parent' });
    raw.registerSingleton(Holder);
    const rawChild = raw.createChildContainer();
    rawChild.register(NAME.key, { useValue: 'child' });
    rawChild.resolve(Holder);
    expect(raw.resolve(Holder).name).toBe('child');

    const HOLDER = token<Holder>('trap.holder');
    const MADE = token<{ readonly name: string }>('trap.made');
    const host = createScope('host');
    host.bindValue(NAME, 'parent');
    host.bindClass(HOLDER, Holder, [NAME]);
    host.bindFactory(MADE, (owner) => ({ name: owner.resolve(NAME) }));
    const run = host.child('run');
    run.bindValue(NAME, 'child');
    expect([run.resolve(HOLDER).name, run.resolve(MADE).name, run.resolve(NAME)]).toEqual([
      'parent',
      'parent',
      'child',
    ]);
    run.close();
    expect([host.resolve(HOLDER).name, host.resolve(MADE).name]).toEqual(['parent', 'parent']);
  });
});

describe('T7: tsyringe disposes in parallel, in order of creation, classes only, and stops at a throw', () => {
  it('so core disposes by itself: last first, one by one, whatever was returned, to the end', async () => {
    const rawSeen: string[] = [];
    const disposable = (id: string, fails: boolean) => {
      class Thing {
        dispose(): void {
          rawSeen.push(id);
          if (fails) throw new Error(id);
        }
      }
      rawInjectable()(Thing);
      return Thing;
    };
    const raw = rootContainer.createChildContainer();
    for (const Thing of [disposable('a', false), disposable('b', true), disposable('c', false)]) {
      raw.registerSingleton(Thing);
      raw.resolve(Thing);
    }
    raw.register('factory', { useFactory: () => ({ dispose: () => rawSeen.push('factory') }) });
    raw.resolve('factory');
    await Promise.resolve(raw.dispose()).catch(() => undefined);
    expect(rawSeen).toEqual(['a', 'b']);

    const seen: string[] = [];
    const weighter = (id: string, fails: boolean) =>
      testPlugin(id, [`weighter:${id}`], (api) =>
        api.provide(
          'weighter',
          id,
          () =>
            ({
              dispose: async () => {
                await Promise.resolve();
                seen.push(id);
                if (fails) throw new Error(id);
              },
            }) as never,
        ),
      );
    const plugins = [...required(), weighter('a', false), weighter('b', true), weighter('c', false)];
    const host = await createHost({ config: { plugins, use: { weighter: ['a', 'b', 'c'] } } });
    await host.createRun({ id: 'r-1', directory: '/runs/r-1' }).resolve('weighter');
    await expect(host.dispose()).rejects.toMatchObject({
      errors: [{ code: 'DMX_DISPOSE_FAILED', plugin: '@test/b 1.0.0 (weighter:b)' }],
    });
    expect(seen).toEqual(['c', 'b', 'a']);
  });
});
