// The command line of the demo.
import { parseArgs } from 'node:util';

export const METHODS = ['supervised', 'mean-teacher', 'cps', 'dinomix'];

export const HELP = `npm run demo -- [options]

  --methods <list>   of ${METHODS.join(', ')}   (supervised,dinomix)
  --seed <number>    seed of initial weights and crops; the data stay as they are   (0)
  --seeds <list>     several seeds, one after the other, and a table of their means
  --out <folder>     where everything goes   (runs/demo)
  --set <path=value> a value of the configs of all methods, as in dinomix train; may be given often
`;

/** Arguments that cannot be used. */
export class WrongUse extends Error {}

function seedOf(text) {
  if (!/^\d+$/.test(text)) throw new WrongUse(`a seed is a whole number from 0, not "${text}"`);
  return Number(text);
}

function methodsOf(text) {
  const methods = text.split(',');
  for (const method of methods) {
    if (!METHODS.includes(method))
      throw new WrongUse(`there is no method "${method}"; there are ${METHODS.join(', ')}`);
  }
  if (new Set(methods).size < methods.length) throw new WrongUse(`a method is named twice: ${text}`);
  return methods;
}

/**
 * Reads the command line.
 * @returns null where help is asked for
 * @throws WrongUse
 */
export function readArguments(args) {
  const options = {
    methods: { type: 'string', default: 'supervised,dinomix' },
    seed: { type: 'string', default: '0' },
    seeds: { type: 'string' },
    out: { type: 'string', default: 'runs/demo' },
    set: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', short: 'h', default: false },
  };
  let values;
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (thrown) {
    throw new WrongUse(thrown.message);
  }
  if (values.help) return null;
  return {
    methods: methodsOf(values.methods),
    seeds: (values.seeds ?? values.seed).split(',').map(seedOf),
    out: values.out,
    set: values.set,
  };
}
