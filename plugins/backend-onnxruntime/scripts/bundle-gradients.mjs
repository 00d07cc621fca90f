// Writes generated/tfjs-gradients.js and generated/tfjs-chained-ops.js into this package, or into the one whose folder is
// the argument.
//
// @tensorflow/tfjs-core registers no gradient and no chained op (`x.add(y)`) in Node: the files that do so are ES modules
// with extensionless imports, which Node refuses. This bundles them, with two changes: registrations are collected in an
// exported value instead of being made at import, and every part of tfjs-core that a consumer can reach by its public
// name is imported from the consumer's own @tensorflow/tfjs-core, so that engine, tensors and registries exist once.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const CORE = '@tensorflow/tfjs-core';
const ENTRY = '<entry>';
const packageFolder = resolve(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
const coreFolder = dirname(createRequire(import.meta.url).resolve(`${CORE}/package.json`));
const coreDist = join(coreFolder, 'dist');
const coreVersion = JSON.parse(readFileSync(join(coreFolder, 'package.json'), 'utf8')).version;

/** Files that hold no state and may therefore exist twice, relative to tfjs-core's dist. */
const STATELESS = [
  /^register_all_gradients\.js$/,
  /^gradients\//,
  /^public\/chained_ops\//,
  /^ops\/.*(backprop|_grad)\w*\.js$/,
  /^ops\/(image|spectral)\/(resize_\w+|i?r?fft)\.js$/,
  /^ops\/(axis|broadcast|conv|selu|slice)_util\.js$/,
  /^ops\/ops\.js$/,
  /^(kernel_names|tensor_util_env|types|log|util|util_base|platforms\/is_typed_array_browser)\.js$/,
];

/** Names that a tfjs-core file offers by its own declarations. */
function declaredNames(file) {
  const source = readFileSync(file, 'utf8');
  return [...source.matchAll(/^export (?:const|let|function|class) (\w+)/gm)].map((match) => match[1]);
}

/** Takes the place of tfjs-core's gradient registry, to which tfjs-core gives some configs twice. */
const GRADIENT_COLLECTOR = `
  export const gradientConfigs = [];
  export const registerGradient = (config) => gradientConfigs.includes(config) || gradientConfigs.push(config);`;

/** Takes the place of tfjs-core's Tensor class, on whose prototype the chained ops are put. */
const CHAINED_OP_COLLECTOR = `
  export { Tensor } from '${CORE}';
  export const chainedOps = {};
  export const getGlobalTensorClass = () => ({ prototype: chainedOps });`;

const TENSOR = `
  import { Tensor } from '${CORE}';
  export { Tensor, TensorBuffer, Variable } from '${CORE}';
  export const getGlobalTensorClass = () => Tensor;`;

/** Maps each file that base.js and ops.js re-export to the names under which @tensorflow/tfjs-core publishes it. */
function publicFiles() {
  const names = new Map();
  for (const index of [join(coreDist, 'base.js'), join(coreDist, 'ops', 'ops.js')]) {
    const source = readFileSync(index, 'utf8');
    for (const [, list, from] of source.matchAll(/^export (\*|\{[^}]*\}) from '(\.[^']*)';/gm)) {
      const file = `${join(dirname(index), from)}.js`;
      const exported = list === '*' ? declaredNames(file) : list.slice(1, -1).split(',');
      // Renamed exports (`version as version_core`) are left out: no bundled file needs one.
      names.set(
        file,
        exported.map((name) => name.trim()).filter((name) => !name.includes(' ')),
      );
    }
  }
  return names
    .set(join(coreDist, 'base.js'), ['backend_util'])
    .set(join(coreDist, 'globals.js'), declaredNames(join(coreDist, 'globals.js')));
}

/** Source of the module that stands in for `file` when `importer` asks for it, or undefined to bundle `file` itself. */
function standIn(file, importer, published) {
  const name = relative(coreDist, file).split(sep).join('/');
  const from = relative(coreDist, importer).split(sep).join('/');
  const fromEntry = importer.endsWith(ENTRY);
  if (name === 'kernel_registry.js' && (fromEntry || from === 'register_all_gradients.js')) return GRADIENT_COLLECTOR;
  if (name === 'tensor.js' && (fromEntry || from.startsWith('public/chained_ops/'))) return CHAINED_OP_COLLECTOR;
  if (name === 'tensor.js') return TENSOR;
  if (name === 'engine.js') return `import { engine } from '${CORE}'; export const ENGINE = engine();`;
  if (STATELESS.some((pattern) => pattern.test(name))) return undefined;
  const names = published.get(file);
  return names && `export { ${names.join(', ')} } from '${CORE}';`;
}

function consumersCore() {
  const published = publicFiles();
  return {
    name: 'consumers-core',
    setup(bundler) {
      bundler.onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({ path: CORE, external: true }));
      bundler.onResolve({ filter: /^\./ }, ({ path, importer, resolveDir }) => {
        const file = `${join(resolveDir, path)}.js`;
        const contents = standIn(file, importer, published);
        if (contents === undefined) return undefined;
        const name = relative(coreDist, file).split(sep).join('/');
        const collects = contents === GRADIENT_COLLECTOR || contents === CHAINED_OP_COLLECTOR;
        return {
          path: collects ? `${name} (collector)` : name,
          namespace: 'stand-in',
          pluginData: contents,
          sideEffects: false,
        };
      });
      bundler.onLoad({ filter: /.*/, namespace: 'stand-in' }, ({ pluginData }) => ({
        contents: pluginData,
        resolveDir: coreDist,
      }));
    },
  };
}

function refuseState(inputs) {
  const files = inputs.filter((input) => !input.startsWith('stand-in:') && input !== ENTRY);
  const foreign = files.filter((file) => !STATELESS.some((pattern) => pattern.test(file)));
  if (foreign.length > 0) {
    throw new Error(
      `The bundle would hold a second copy of tfjs-core files that may keep state: ${foreign.join(', ')}. ` +
        'Give each a stand-in, or list it in STATELESS if it holds none.',
    );
  }
}

async function bundle(name, entry, declaration) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: entry, resolveDir: coreDist, sourcefile: ENTRY },
    absWorkingDir: coreDist,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    legalComments: 'eof',
    outfile: join('generated', `${name}.js`),
    banner: { js: `// Made from ${CORE} ${coreVersion} by scripts/bundle-gradients.mjs; licences of its parts below.` },
    plugins: [consumersCore()],
    logLevel: 'error',
  });
  const [output] = Object.values(metafile.outputs);
  refuseState(Object.keys(output.inputs).filter((input) => output.inputs[input].bytesInOutput > 0));
  const folder = join(packageFolder, 'generated');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.js`), outputFiles[0].contents);
  writeFileSync(join(folder, `${name}.d.ts`), declaration);
}

await bundle(
  'tfjs-gradients',
  "import './register_all_gradients'; export { gradientConfigs } from './kernel_registry';",
  `import type { GradConfig } from '${CORE}';

/** Every gradient that tfjs-core ${coreVersion} defines; importing this registers none of them. */
export declare const gradientConfigs: readonly GradConfig[];
`,
);
await bundle(
  'tfjs-chained-ops',
  "import './public/chained_ops/register_all_chained_ops'; export { chainedOps } from './tensor';",
  `import type { Tensor } from '${CORE}';

/** Every method that tfjs-core ${coreVersion} can add to Tensor.prototype, by name; importing this adds none of them. */
export declare const chainedOps: Readonly<Record<string, (this: Tensor, ...args: never[]) => Tensor | Tensor[]>>;
`,
);
