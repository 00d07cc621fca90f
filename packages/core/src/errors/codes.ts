import { DmxError, type ErrorContext, type ErrorPhase } from './dmx-error.js';
import { didYouMean, quoted } from './suggest.js';

/** The three lines of a message. */
interface ErrorText {
  readonly summary: string;
  readonly why: string;
  readonly fix: string;
}

const text = (summary: string, why: string, fix: string): ErrorText => ({ summary, why, fix });

const configErrors = {
  DMX_CONFIG_NOT_FOUND: (d: { searched: string }) =>
    text(
      'No config file found',
      `${d.searched} does not exist.`,
      'Run "dinomix init" to write dinomix.config.ts, or name a file with --config.',
    ),
  DMX_CONFIG_LOAD: (d: { file: string; reason: string }) =>
    text(`${d.file} could not be loaded`, d.reason, 'Correct the file; the cause below has the line.'),
  DMX_RUN_PLUGIN: (d: { directory: string; plugin: string; name: string }) =>
    text(
      `The run ${d.directory} needs the plugin ${d.plugin}, which is not there any more`,
      `It came from ${d.name}, which is neither named in the config file nor installed beside it.`,
      `Install ${d.name} again, or name it in the config file; the run's own values are used.`,
    ),
  DMX_RUN_CONFIG: (d: { directory: string; paths: readonly string[] }) =>
    text(
      `The config of the run ${d.directory} cannot be had again`,
      `The plugins that are here make something else of ${d.paths.slice(0, 5).join(', ')}${d.paths.length > 5 ? ` and ${d.paths.length - 5} more values` : ''}.`,
      'Install the versions of the plugins that "packages" in the record.json of the run names.',
    ),
  DMX_CONFIG_NOT_OBJECT: (d: { file: string; found: string }) =>
    text(
      `${d.file} does not export a config`,
      `Its default export is ${d.found}.`,
      'Write: export default defineConfig({ plugins: [...], use: {...} })',
    ),
  DMX_CONFIG_KEY: (d: { path: string; origin: string; nearest: string | null; known: readonly string[] }) =>
    text(
      `Unknown config key "${d.path}" (${d.origin})`,
      `The keys at this place are ${quoted(d.known)}.`,
      `Remove or rename the key.${didYouMean(d.nearest)}`,
    ),
  DMX_CONFIG_VALUE: (d: { path: string; origin: string; problem: string; found: string }) =>
    text(
      `Wrong value for "${d.path}" (${d.origin})`,
      `${d.problem}; found ${d.found}.`,
      'Give a value of the stated kind, or remove the key to take the default.',
    ),
  DMX_OVERRIDE_SYNTAX: (d: { argument: string; expected: string }) =>
    text(`Cannot read ${d.argument}`, `Expected ${d.expected}.`, 'Correct the argument.'),
  DMX_OVERRIDE_PATH: (d: { argument: string; path: string; nearest: string | null; known: readonly string[] }) =>
    text(
      `${d.argument} sets an unknown path`,
      `"${d.path}" is not in the config; an override cannot add a key. The keys at this place are ${quoted(d.known)}.`,
      `Correct the path.${didYouMean(d.nearest)}`,
    ),
} as const;

const useErrors = {
  DMX_USE_SLOT: (d: { slot: string; origin: string; nearest: string | null; known: readonly string[] }) =>
    text(
      `Unknown slot "${d.slot}" (${d.origin})`,
      `The slots are ${quoted(d.known)}.`,
      `Use one of them.${didYouMean(d.nearest)}`,
    ),
  DMX_USE_ID: (d: {
    slot: string;
    id: string;
    origin: string;
    nearest: string | null;
    loaded: readonly string[];
    installed: string | null;
    published: string | null;
  }) =>
    text(
      `"${d.slot}:${d.id}" is not provided by a loaded plugin (${d.origin})`,
      d.installed === null
        ? `The loaded plugins provide for this slot: ${quoted(d.loaded)}.`
        : `It is provided by ${d.installed}, which is installed but not in "plugins".`,
      d.installed === null
        ? d.published === null
          ? `Use a loaded id, or add the plugin to "plugins".${didYouMean(d.nearest)}`
          : `Install it (npm install ${d.published}), import it in the config and add it to "plugins".`
        : `Import ${d.installed} in the config and add it to "plugins".`,
    ),
  DMX_USE_NONE: (d: { slot: string }) =>
    text(
      `Nothing fills the slot "${d.slot}"`,
      'No loaded plugin provides it, or it was switched off.',
      `Add a plugin that provides "${d.slot}:..." to "plugins".`,
    ),
  DMX_USE_CHOICE: (d: { slot: string; loaded: readonly string[] }) =>
    text(
      `The slot "${d.slot}" has several candidates and no choice`,
      `The loaded plugins provide ${quoted(d.loaded)}, and "use.${d.slot}" names none.`,
      `Set use.${d.slot} to what this run should take, or to false.`,
    ),
  DMX_USE_MANY: (d: { slot: string; ids: readonly string[]; origin: string }) =>
    text(`The slot "${d.slot}" takes one plugin (${d.origin})`, `${quoted(d.ids)} were given.`, 'Name one of them.'),
  DMX_LOSS_STUDENT: (d: {
    id: string;
    path: string;
    origin: string;
    nearest: string | null;
    students: readonly string[];
  }) =>
    text(
      `"${d.path}" names the student "${d.id}", which this run does not have (students: ${d.origin})`,
      `Its students are ${quoted(d.students)}.`,
      d.nearest === null ? 'Name one of them, or leave "students" out.' : `Did you mean "${d.nearest}"?`,
    ),
  DMX_USE_TWICE: (d: { slot: string; id: string; origin: string }) =>
    text(
      `"${d.slot}:${d.id}" is named twice (${d.origin})`,
      'One plugin instance fills one place.',
      `For two of a kind load the plugin twice and name the copies: plugin().as('a'), plugin().as('b').`,
    ),
} as const;

const pluginErrors = {
  DMX_PLUGIN_NOT_DEFINED: (d: { path: string; found: string; write: string }) =>
    text(`${d.path} is not a plugin`, `Found ${d.found}.`, d.write),
  DMX_PLUGIN_DEFINITION: (d: { plugin: string; problem: string }) =>
    text(`The definition of ${d.plugin} is wrong`, d.problem, 'Correct the call of definePlugin in that package.'),
  DMX_PLUGIN_DUPLICATE_ID: (d: { key: string; first: string; second: string }) =>
    text(
      `Two plugins provide "${d.key}"`,
      `It is provided by ${d.first} and by ${d.second}.`,
      `Remove one, or rename one: plugin().as('another-id').`,
    ),
  DMX_PLUGIN_API: (d: { plugin: string; wanted: number; has: number }) =>
    text(
      `${d.plugin} speaks another plugin API`,
      `It was written for level ${d.wanted}; this core has level ${d.has}.`,
      d.wanted > d.has ? 'Update @dinomix/core.' : `Update ${d.plugin}.`,
    ),
  DMX_PLUGIN_CORE: (d: { plugin: string; range: string; version: string }) =>
    text(
      `${d.plugin} does not work with this core`,
      `It asks for @dinomix/core ${d.range}; this is ${d.version}.`,
      'Install versions that fit each other.',
    ),
  DMX_OPTIONS_TARGET: (d: { key: string; origin: string; nearest: string | null; known: readonly string[] }) =>
    text(
      `Options for "${d.key}", which is not loaded (${d.origin})`,
      `Loaded are ${quoted(d.known)}.`,
      `Add the plugin or correct the id.${didYouMean(d.nearest)}`,
    ),
  DMX_OPTIONS_KEY: (d: {
    plugin: string;
    path: string;
    origin: string;
    nearest: string | null;
    known: readonly string[];
  }) =>
    text(
      `${d.plugin} has no option "${d.path}" (${d.origin})`,
      d.known.length > 0 ? `Its options are ${quoted(d.known)}.` : 'Its schema refuses the key.',
      `Remove or rename the option.${didYouMean(d.nearest)}`,
    ),
  DMX_OPTIONS_VALUE: (d: { plugin: string; path: string; origin: string; problem: string }) =>
    text(
      `Wrong value for option "${d.path}" of ${d.plugin} (${d.origin})`,
      d.problem,
      'See the options table in the README of the plugin.',
    ),
  DMX_OPTIONS_JSON: (d: { plugin: string; path: string; found: string }) =>
    text(
      `Option "${d.path}" of ${d.plugin} is not plain data`,
      `Found ${d.found}. The run record keeps every option, so that a run can be repeated from it.`,
      'Give strings, numbers, booleans, null, arrays and plain objects only.',
    ),
  DMX_PLUGIN_REQUIRES: (d: { plugin: string; wanted: string }) =>
    text(
      `${d.plugin} needs "${d.wanted}"`,
      'No plugin in use provides it.',
      `Add such a plugin and name it in "use", or leave ${d.plugin} out.`,
    ),
  DMX_PLUGIN_CONFLICT: (d: { plugin: string; other: string; key: string }) =>
    text(
      `${d.plugin} and ${d.other} do not go together`,
      `${d.plugin} declares a conflict with "${d.key}".`,
      'Switch one of them off.',
    ),
  DMX_PLUGIN_BACKEND: (d: { plugin: string; backend: string; supported: readonly string[] }) =>
    text(
      `${d.plugin} does not work on the backend "${d.backend}"`,
      `It supports ${quoted(d.supported)}.`,
      'Choose one of these backends, or leave the plugin out.',
    ),
  DMX_PLUGIN_SETUP: (d: { plugin: string; reason: string }) =>
    text(`${d.plugin} failed in its setup`, d.reason, 'Correct its options, or report the error to its authors.'),
  DMX_PROVIDE_UNDECLARED: (d: { plugin: string; key: string; declared: readonly string[] }) =>
    text(
      `${d.plugin} provides "${d.key}" without declaring it`,
      `Its "provides" lists ${quoted(d.declared)}.`,
      'Add the key to "provides" in the call of definePlugin.',
    ),
  DMX_PROVIDE_MISSING: (d: { plugin: string; key: string }) =>
    text(
      `${d.plugin} declares "${d.key}" and does not provide it`,
      'Its setup ended without a call of api.provide for the key.',
      'Call api.provide in setup, or remove the key from "provides".',
    ),
  DMX_PROVIDE_TWICE: (d: { plugin: string; key: string }) =>
    text(`${d.plugin} provides "${d.key}" twice`, 'api.provide was called for it before.', 'Keep one of the calls.'),
  DMX_API_CLOSED: (d: { plugin: string; call: string }) =>
    text(
      `${d.plugin} called ${d.call} too late`,
      'Taps, slots and disposers of a host are registered during setup only, so that their order is known before a run.',
      'Move the call into setup.',
    ),
  DMX_SLOT_FACTORY: (d: { plugin: string; slot: string; id: string; reason: string }) =>
    text(`${d.plugin} could not create "${d.slot}:${d.id}"`, d.reason, 'See the README of the plugin.'),
} as const;

const hookErrors = {
  DMX_HOOK_UNKNOWN: (d: { plugin: string; hook: string; nearest: string | null }) =>
    text(
      `${d.plugin} taps an unknown hook "${d.hook}"`,
      'It is not in the table of hooks.',
      `Correct the name.${didYouMean(d.nearest)}`,
    ),
  DMX_TAP_FUNCTION: (d: { plugin: string; hook: string; found: string }) =>
    text(`${d.plugin} taps ${d.hook} without a function`, `Found ${d.found}.`, 'Pass a function as first argument.'),
  DMX_TAP_TWICE: (d: { plugin: string; hook: string; tap: string }) =>
    text(
      `${d.plugin} taps ${d.hook} twice under one name`,
      `The name "${d.tap}" is taken.`,
      'Give each tap of the plugin its own id: tap(fn, { id: ... }).',
    ),
  DMX_TAP_ORDER: (d: { plugin: string; hook: string; name: string; nearest: string | null }) =>
    text(
      `${d.plugin} orders its tap of ${d.hook} by an unknown plugin "${d.name}"`,
      'No plugin in use has that id or package name.',
      `Correct the name, or leave it out.${didYouMean(d.nearest)}`,
    ),
  DMX_TAP_RING: (d: { hook: string; ring: readonly string[] }) =>
    text(
      `The taps of ${d.hook} cannot be ordered`,
      `They wait for each other: ${d.ring.join(' before ')}.`,
      'Remove one "before" or "after" of the ring.',
    ),
  DMX_HOOK_FAILED: (d: { plugin: string; hook: string; place: string; reason: string }) =>
    text(
      `${d.plugin} failed in ${d.hook}${d.place}`,
      d.reason,
      'Correct the plugin or its options, or leave the plugin out.',
    ),
  DMX_HOOK_ASYNC: (d: { plugin: string; hook: string; place: string }) =>
    text(
      `${d.plugin} returned a promise in ${d.hook}${d.place}`,
      'The hook is synchronous: nothing may be awaited while the gradient tape is open.',
      'Make the function synchronous, and prepare what it needs in an asynchronous hook before.',
    ),
  DMX_HOOK_NULL: (d: { plugin: string; hook: string; place: string }) =>
    text(
      `${d.plugin} returned null in ${d.hook}${d.place}`,
      'Null has no meaning here.',
      'Return undefined to leave the value as it is, or the new value.',
    ),
  DMX_HOOK_DECISION: (d: { plugin: string; hook: string; place: string; found: string }) =>
    text(
      `${d.plugin} returned ${d.found} in ${d.hook}${d.place}`,
      'A decision is an object, so that it can say what and why.',
      'Return the object that the hook documents, or undefined to leave the decision to others.',
    ),
} as const;

const lifeErrors = {
  DMX_TOKEN_UNBOUND: (d: { token: string; scope: string; nearest: string | null }) =>
    text(
      `Nothing is bound to "${d.token}" in the scope "${d.scope}"`,
      'Neither this scope nor one above it has the token.',
      `Bind it before it is resolved.${didYouMean(d.nearest)}`,
    ),
  DMX_TOKEN_TWICE: (d: { token: string; scope: string }) =>
    text(
      `"${d.token}" is bound twice in the scope "${d.scope}"`,
      'A token has one meaning in a scope.',
      'Bind it once, or override it in a child scope.',
    ),
  DMX_TOKEN_RING: (d: { ring: readonly string[] }) =>
    text(
      'Tokens depend on each other in a ring',
      `${d.ring.join(' needs ')}.`,
      'Break the ring: pass one of them as an argument later.',
    ),
  DMX_SCOPE_CLOSED: (d: { scope: string; call: string }) =>
    text(`The scope "${d.scope}" is closed`, `${d.call} was called after it.`, 'Use what you need before disposal.'),
  DMX_CLASS_METADATA: (d: { name: string; reason: string }) =>
    text(
      `${d.name} cannot be constructed`,
      d.reason,
      'Put @inject(TOKEN) from @dinomix/core/di on every constructor parameter, or bind the class with bindClass.',
    ),
  DMX_STATE: (d: { call: string; state: string; allowed: readonly string[] }) =>
    text(
      `${d.call} is not possible now`,
      `The state is "${d.state}"; the call is allowed in ${quoted(d.allowed)}.`,
      'Correct the order of the calls.',
    ),
  DMX_DEADLINE: (d: { what: string; milliseconds: number }) =>
    text(
      `${d.what} did not end in time`,
      `The deadline is ${d.milliseconds} ms.`,
      'Something is waiting for ever there: an open handle, a promise that is never settled.',
    ),
  DMX_DISPOSE_FAILED: (d: { what: string; reason: string }) =>
    text(`${d.what} failed while being disposed`, d.reason, 'Its resources may still be open.'),
  DMX_RUN_FAILED: (d: { run: string; reason: string }) =>
    text(`Run ${d.run} failed`, d.reason, 'The cause below has the place; the last checkpoint is whole.'),
  DMX_SEVERAL: (d: { count: number; phase: ErrorPhase }) =>
    text(`${d.count} problems (phase: ${d.phase})`, 'See below.', 'See below.'),
} as const;

const datasetErrors = {
  DMX_JSON_DOCUMENT: (d: { file: string; reason: string; fix: string }) =>
    text(`${d.file} cannot be read as JSON`, d.reason, d.fix),
} as const;

/** Every error of core by code, with its why and its fix. */
export const ERROR_CODES = Object.freeze({
  ...configErrors,
  ...useErrors,
  ...pluginErrors,
  ...hookErrors,
  ...lifeErrors,
  ...datasetErrors,
});

/** A code of core. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Details that the texts of a code are made from. */
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof ERROR_CODES)[C]>[0];

/** Makes the error with this code. */
export function dmxError<C extends ErrorCode>(code: C, details: ErrorDetails<C>, context: ErrorContext = {}): DmxError {
  const compose = ERROR_CODES[code] as (d: ErrorDetails<C>) => ErrorText;
  return new DmxError({ code, ...compose(details), ...context });
}

/** Throws what a phase of validation collected: nothing, the one problem, or one error that lists all. */
export function throwProblems(problems: readonly DmxError[], phase: ErrorPhase): void {
  if (problems.length === 0) return;
  if (problems.length === 1) throw problems[0];
  const { summary, why, fix } = ERROR_CODES.DMX_SEVERAL({ count: problems.length, phase });
  throw new DmxError({ code: 'DMX_SEVERAL', summary, why, fix, phase, problems });
}
