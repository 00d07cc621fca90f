// Turns the results of a Jasmine run into text, JSON and a verdict.

const EXAMPLES = 3;

/** The first line of a message with its numbers, names in quotes and lists blanked: failures of one cause share it. */
function kindOf(message) {
  return message
    .split('\n')[0]
    .replace(/'[^']*'|"[^"]*"/g, "'…'")
    .replace(/\[[^\]]*\]/g, '[…]')
    .replace(/-?\b\d[\d.]*(e[+-]?\d+)?\b|\b(NaN|Infinity)\b/gi, '#')
    .replace(/(#[,\s]*)+/g, '# ')
    .slice(0, 140)
    .trim();
}

function toFailure(spec, exclusion) {
  const [first] = spec.failedExpectations;
  const message = first?.message ?? 'failed without an expectation';
  return {
    test: spec.fullName,
    kind: kindOf(message),
    messages: spec.failedExpectations.map((failed) => failed.message),
    stack: first?.stack?.split('\n').slice(0, 12) ?? [],
    ...(exclusion && { excluded: exclusion.reason }),
  };
}

function grouped(failures) {
  const kinds = new Map();
  for (const failure of failures) kinds.set(failure.kind, [...(kinds.get(failure.kind) ?? []), failure.test]);
  return [...kinds]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([kind, tests]) => {
      const shown = tests.slice(0, EXAMPLES).map((test) => `         ${test}\n`);
      const more = tests.length > EXAMPLES ? `         and ${tests.length - EXAMPLES} more\n` : '';
      return `${String(tests.length).padStart(6)} × ${kind}\n${shown.join('')}${more}`;
    })
    .join('');
}

/**
 * Specs without an assertion count as passed, as Jasmine has it; specs that Jasmine filtered out or that the suite marks
 * as pending count as neither. An exclusion that matches no spec is an error, one whose specs all pass is pointed out.
 */
export function report(specs, exclusions, { checkExclusions }) {
  const excludes = (spec) => exclusions.find(({ test }) => spec.fullName.startsWith(test));
  const ran = specs.filter(({ status }) => status === 'passed' || status === 'failed');
  const pending = specs.filter(({ status }) => status === 'pending').length;
  const excluded = ran.filter(excludes);
  const failures = ran.filter(({ status }) => status === 'failed').map((spec) => toFailure(spec, excludes(spec)));
  const counted = failures.filter((failure) => !failure.excluded);
  const passed = ran.length - excluded.length - counted.length;
  const matched = ({ test }) => ran.filter((spec) => spec.fullName.startsWith(test));
  const unmatched = checkExclusions ? exclusions.filter((entry) => matched(entry).length === 0) : [];
  const needless = exclusions.filter((entry) => {
    const hits = matched(entry);
    return hits.length > 0 && hits.every(({ status }) => status === 'passed');
  });

  const lines = [
    grouped(counted),
    ...unmatched.map(({ test }) => `exclusion matches no spec: ${test}\n`),
    ...needless.map(({ test }) => `exclusion no longer needed, its specs pass: ${test}\n`),
    `${ran.length + pending} specs: ${pending} pending, ${excluded.length} excluded\n`,
    `${passed} passed, ${counted.length} failed\n`,
  ];
  return {
    text: lines.join(''),
    json: { passed, failed: counted.length, pending, excluded: excluded.length, failures },
    ok: counted.length === 0 && unmatched.length === 0 && passed > 0,
  };
}
