// Who may import whom in this workspace: reads imports with the TypeScript parser and judges them and every package.json.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';

/** The parts of a package.json that the rules look at. */
export interface Manifest {
  readonly name: string;
  readonly type?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** One import of a source file. */
export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** `import()`: happens when that line runs, not when the file is loaded. */
  readonly dynamic: boolean;
}

/** A package with the imports of its sources, by path inside the package. */
export interface Package {
  /** `packages/core`, `plugins/mixer-pic`. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly files: Readonly<Record<string, readonly Import[]>>;
}

const SCOPE = '@dinomix/';
const BASE_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  volume: [],
  core: ['volume'],
  data: ['core', 'volume'],
  trainer: ['core', 'data', 'volume'],
  cli: ['core', 'data', 'trainer', 'volume'],
  conformance: ['core', 'data', 'volume', 'trainer'],
  'create-plugin': [],
};
const TAPABLE = /^tapable$/;
const DI = /^(tsyringe|reflect-metadata)$/;
const ONNX_RUNTIME = /^onnxruntime-(node|web|common)$/;
const TENSOR_BACKEND = /^@tensorflow\/tfjs(-node(-gpu)?|-backend-.+)?$/;
const TENSORS = /^@tensorflow\//;
/** What the trainer traces into the graph of a step, and what happens around it. */
const [TRACED, AROUND] = ['src/step/graph/', 'src/step/host/'];
const TEST_FILE = /(\.test\.ts$|^test\/|^scripts\/)/;

/** All imports of a TypeScript source. */
export function importsOf(text: string): readonly Import[] {
  const found: Import[] = [];
  const add = (node: ts.Expression | undefined, typeOnly: boolean, dynamic: boolean): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly, dynamic });
  };
  const onlyTypes = (names: ts.NamedImportBindings | ts.NamedExportBindings | undefined): boolean =>
    names !== undefined &&
    (ts.isNamedImports(names) || ts.isNamedExports(names)) &&
    names.elements.length > 0 &&
    names.elements.every((element) => element.isTypeOnly);
  // Imports inside expressions and types are rare; files without them need no walk through every node.
  const deep = /\b(import|require)\s*\(/.test(text);
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      const typeOnly =
        clause !== undefined && (clause.isTypeOnly || (clause.name === undefined && onlyTypes(clause.namedBindings)));
      add(node.moduleSpecifier, typeOnly, false);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly || onlyTypes(node.exportClause), false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal as ts.Expression, true, true);
    } else if (ts.isCallExpression(node)) {
      const required = ts.isIdentifier(node.expression) && node.expression.text === 'require';
      if (node.expression.kind === ts.SyntaxKind.ImportKeyword || required) add(node.arguments[0], false, true);
    }
    if (deep || ts.isSourceFile(node)) ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest));
  return found;
}

/** Reads the packages of a workspace. */
export function readWorkspace(root: string): readonly Package[] {
  const folders = ['packages', 'plugins'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => `${group}/${name}`),
  );
  return folders
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => {
      const files = ['src', 'test'].flatMap((part) => {
        const path = join(root, folder, part);
        if (!existsSync(path)) return [];
        const inside = readdirSync(path, { recursive: true, encoding: 'utf8' });
        return inside.filter((file) => /\.m?ts$/.test(file)).map((file) => `${part}/${file}`);
      });
      const read = (file: string) => readFileSync(join(root, folder, file), 'utf8');
      return {
        folder,
        manifest: JSON.parse(read('package.json')) as Manifest,
        files: Object.fromEntries(files.map((file) => [file, importsOf(read(file))])),
      };
    });
}

/** `@scope/name` or `name` of a specifier, and the path behind it. */
function splitSpecifier(specifier: string): { readonly name: string; readonly rest: string } {
  const parts = specifier.split('/');
  const length = specifier.startsWith('@') ? 2 : 1;
  return { name: parts.slice(0, length).join('/'), rest: parts.slice(length).join('/') };
}

type Kind = 'base' | 'preset' | 'plugin';

function kindOf(folder: string): Kind {
  if (folder.startsWith('packages/')) return 'base';
  return folder.startsWith('plugins/preset-') ? 'preset' : 'plugin';
}

/** Whether a package may import a package of ours; `null` when it may, else the rule. */
function workspaceRule(from: Package, name: string, typeOnly: boolean): string | null {
  const short = name.slice(SCOPE.length);
  const shortFrom = from.manifest.name.slice(SCOPE.length);
  const kind = kindOf(from.folder);
  if (kind === 'base') {
    const allowed = BASE_IMPORTS[shortFrom] ?? [];
    return allowed.includes(short) ? null : `${shortFrom} may import ${allowed.join(', ') || 'no package of ours'}`;
  }
  if (kind === 'preset') {
    const plugin = !Object.hasOwn(BASE_IMPORTS, short);
    return plugin || short === 'core' ? null : 'a preset imports plugins and core';
  }
  if (short === 'core' || short === 'volume') return null;
  if (short === 'data' && from.folder.startsWith('plugins/dataset-')) return null;
  if (short === 'trainer') return typeOnly ? null : 'a plugin imports only types of trainer';
  return 'a plugin imports core, volume, a data set plugin data, and types of trainer, never another plugin';
}

/** Rules on third-party packages; null when the import is fine. */
function externalRule(from: Package, file: string, name: string): string | null {
  const { folder } = from;
  if (TAPABLE.test(name) && !(folder === 'packages/core' && file.startsWith('src/hooks/'))) {
    return 'tapable is imported in packages/core/src/hooks only';
  }
  if (DI.test(name) && !(folder === 'packages/core' && file === 'src/scope/di.ts')) {
    return `${name} is imported in packages/core/src/scope/di.ts only`;
  }
  if (ONNX_RUNTIME.test(name) && !['plugins/backend-onnxruntime', 'plugins/teacher-dinov3'].includes(folder)) {
    return 'onnxruntime is imported by backend-onnxruntime and teacher-dinov3 only';
  }
  if (TENSOR_BACKEND.test(name) && !folder.startsWith('plugins/backend-'))
    return `${name} is imported by backends only`;
  const knowsTensors =
    kindOf(folder) === 'plugin' || folder === 'packages/trainer' || folder === 'packages/conformance';
  if (TENSORS.test(name) && !knowsTensors) return 'tensors are known to trainer and plugins only';
  if (folder === 'packages/core' && name === 'node:fs' && !/^src\/(config|json)\//.test(file)) {
    return 'core reads files in src/config and src/json only';
  }
  return null;
}

function declared(manifest: Manifest, name: string, test: boolean): boolean {
  const { dependencies, peerDependencies, optionalDependencies, devDependencies } = manifest;
  const lists = [dependencies, peerDependencies, optionalDependencies, ...(test ? [devDependencies] : [])];
  return lists.some((list) => list !== undefined && Object.hasOwn(list, name));
}

/** Judges one import of one file. */
function judgeImport(
  from: Package,
  file: string,
  entry: Import,
  byName: ReadonlyMap<string, Package>,
): readonly string[] {
  const { specifier, typeOnly } = entry;
  const test = TEST_FILE.test(file);
  const at = `${from.folder}/${file} imports ${specifier}`;
  if (specifier.startsWith('.')) {
    const target = normalize(join(dirname(file), specifier));
    if (test) return [];
    if (relative('.', target).startsWith('..')) return [`${at}: a relative import stays inside its package`];
    const traced = from.folder === 'packages/trainer' && file.startsWith(TRACED);
    return traced && target.startsWith(AROUND)
      ? [`${at}: what is traced imports nothing of what happens around it`]
      : [];
  }
  if (specifier.startsWith('node:') || specifier.startsWith('#')) {
    const rule = test ? null : externalRule(from, file, specifier.split('/')[0]!);
    return rule === null ? [] : [`${at}: ${rule}`];
  }
  const { name, rest } = splitSpecifier(specifier);
  const problems: (string | null)[] = [];
  if (name.startsWith(SCOPE)) {
    const target = byName.get(name);
    const subpath = rest === '' ? '.' : `./${rest}`;
    if (target !== undefined && !Object.hasOwn(target.manifest.exports ?? {}, subpath)) {
      problems.push(`"${subpath}" is not in the exports of ${name}`);
    }
    if (!test && name !== from.manifest.name) problems.push(workspaceRule(from, name, typeOnly));
  } else if (!test) {
    problems.push(externalRule(from, file, name));
  }
  const known = name === from.manifest.name || declared(from.manifest, name, test || typeOnly);
  if (!known && !(test && ['vitest', 'typescript'].includes(name)))
    problems.push(`${name} is not declared in package.json`);
  return problems.filter((problem) => problem !== null).map((problem) => `${at}: ${problem}`);
}

/** What a package loads when its entry is imported: files reached without `import()`, and packages they import. */
function loadedAtImport(from: Package, entry: string): readonly (readonly [file: string, specifier: string])[] {
  const seen = new Set<string>();
  const reached: (readonly [string, string])[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { specifier, typeOnly, dynamic } of from.files[file] ?? []) {
      if (typeOnly || dynamic) continue;
      if (specifier.startsWith('.')) visit(fileOf(file, specifier));
      else reached.push([file, specifier]);
    }
  };
  visit(entry);
  return reached;
}

/** The file inside a package that a relative import means. */
function fileOf(importer: string, specifier: string): string {
  return normalize(join(dirname(importer), specifier)).replace(/\.(m?)js$/, '.$1ts');
}

/**
 * Circles of files, types included: each as the files along it, from the first in the alphabet. Imports that happen when a line
 * runs count too.
 */
function circlesIn({ files }: Pick<Package, 'files'>): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      const circle = path.slice(at);
      found.set([...circle].sort().join(), circle);
      return;
    }
    if (done.has(file)) return;
    for (const { specifier } of files[file] ?? []) {
      if (specifier.startsWith('.')) visit(fileOf(file, specifier), [...path, file]);
    }
    done.add(file);
  };
  for (const file of Object.keys(files).sort()) visit(file, []);
  return [...found.values()];
}

/** Judges a package.json. */
function judgeManifest(from: Package): readonly string[] {
  const { manifest, folder } = from;
  const problems: string[] = [];
  const must = (good: boolean, rule: string): void => {
    if (!good) problems.push(`${folder}/package.json: ${rule}`);
  };
  must(manifest.type === 'module', '"type" is "module"');
  must(manifest.engines?.node !== undefined, '"engines.node" is set');
  must(manifest.exports?.['.'] !== undefined, '"exports" has "."');
  must(manifest.exports?.['./package.json'] !== undefined, '"exports" has "./package.json"');
  const kind = kindOf(folder);
  for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies'] as const) {
    for (const name of Object.keys(manifest[field] ?? {})) {
      if (name.startsWith(SCOPE)) {
        const rule = workspaceRule(from, name, true);
        if (rule !== null) must(false, `${field} has ${name}: ${rule}`);
        const peer = kind === 'base' || (kind === 'preset' && name !== `${SCOPE}core`) || field === 'peerDependencies';
        must(peer, `${name} is a peer, not in ${field}`);
      } else if (TAPABLE.test(name) || DI.test(name)) {
        must(folder === 'packages/core', `${field} has ${name}, which only core depends on`);
      } else if (ONNX_RUNTIME.test(name) || TENSOR_BACKEND.test(name)) {
        const rule = externalRule(from, 'src/index.ts', name);
        if (rule !== null) must(false, `${field} has ${name}: ${rule}`);
      }
    }
  }
  return problems;
}

const HEAVY = new RegExp(`${ONNX_RUNTIME.source}|${TENSOR_BACKEND.source}|^onnx-buf$`);

/** Every breach of the rules, one line each. */
export function checkWorkspace(packages: readonly Package[]): readonly string[] {
  const byName = new Map(packages.map((one) => [one.manifest.name, one]));
  return packages.flatMap((from) => [
    ...judgeManifest(from),
    ...circlesIn(from).map((circle) => `${from.folder}: a circle of imports: ${[...circle, circle[0]].join(' -> ')}`),
    ...Object.entries(from.files).flatMap(([file, imports]) =>
      imports.flatMap((entry) => judgeImport(from, file, entry, byName)),
    ),
    ...(kindOf(from.folder) === 'plugin' ? loadedAtImport(from, 'src/index.ts') : [])
      .filter(([, specifier]) => HEAVY.test(splitSpecifier(specifier).name))
      .map(
        ([file, specifier]) =>
          `${from.folder}/${file} loads ${specifier} with the plugin: heavy imports belong in the factory`,
      ),
  ]);
}
