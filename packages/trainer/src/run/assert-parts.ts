import type { ResolvedConfig } from '@dinomix/core';
import { trainerError } from '../errors.js';
import type { Worker } from '../step/guard.js';
import type { StepParts, TeacherPart } from '../step/parts.js';
import { takes } from '../step/parts.js';

type Assembled = Pick<StepParts, 'teachers' | 'selectors' | 'losses' | 'mixers'>;

function refuse({ key, plugin }: Worker, lacks: string, why: string, cure: string): never {
  throw trainerError('DMX_PART_NEEDS', { key, plugin, lacks, why, cure });
}

const teaches = ({ slot }: TeacherPart): boolean => slot.produces.probabilities && slot.looksAt.includes('unlabelled');

function assertTeachers({ teachers }: Assembled): void {
  for (const teacher of teachers) {
    const { takes: what, traceable, produces } = teacher.slot;
    if (what !== 'outputs') continue;
    if (traceable !== true) {
      const why = 'What the students say exists inside the graph of the step alone.';
      refuse(teacher, 'it teaches by outputs and is not traceable', why, 'Declare traceable: true.');
    }
    if (produces.tokens) {
      const why = 'Tokens are mixed before the students pass.';
      refuse(teacher, 'it teaches by outputs and gives tokens', why, 'Give the tokens by a teacher of images.');
    }
  }
  const names = teachers.flatMap(({ key, slot }) => (slot.produces.maps ?? []).map((name) => [name, key] as const));
  for (const [name, key] of names) {
    const others = names.filter(([other, owner]) => other === name && owner !== key);
    if (others.length === 0) continue;
    const teacher = teachers.find((one) => one.key === key)!;
    refuse(
      teacher,
      `${others[0]![1]} gives a map of the name "${name}" too`,
      'A name means one map.',
      'Rename one of them.',
    );
  }
}

function assertSelectors({ selectors, teachers }: Assembled): void {
  const maps = teachers.flatMap(({ slot }) => slot.produces.maps ?? []);
  for (const selector of selectors) {
    if (!teachers.some(({ slot }) => slot.produces.probabilities)) {
      const given = teachers.map(({ key }) => key).join(', ') || 'none';
      refuse(
        selector,
        'nobody gives pseudo-labels',
        `The teachers are ${given}.`,
        'Add one, for example teacher:ema, or leave the selector out.',
      );
    }
    const missing = (selector.slot.needs?.maps ?? []).filter((name) => !maps.includes(name));
    if (missing.length === 0) continue;
    const why = `The teachers give ${maps.length === 0 ? 'no maps' : `the maps ${maps.join(', ')}`}.`;
    refuse(
      selector,
      `nobody gives the map "${missing[0]}"`,
      why,
      'Use a teacher that gives it, or leave the selector out.',
    );
  }
}

/** Mixed crops need their pseudo-labels before the students pass. */
function assertMixing({ losses, teachers, mixers }: Assembled, { train }: ResolvedConfig): void {
  if (mixers.length === 0 || train.batch.unlabelled === 0) return;
  const loss = losses.find((one) => takes(one, 'mixed-unlabelled', 'pseudo-labels'));
  if (loss === undefined || teachers.some((one) => teaches(one) && one.slot.takes !== 'outputs')) return;
  const late = teachers.find((one) => teaches(one) && one.slot.takes === 'outputs');
  if (late === undefined) return;
  const why = `${late.key} teaches by what the students say in the step, which is known after the mix.`;
  const cure = `Give the teacher a pass of its own (--set ${late.key.replace(':', '.')}.mode=training for teacher-peer), use a teacher of images such as teacher:ema, or leave the mixer out (--off mixer).`;
  refuse(loss, 'mixed crops have no pseudo-labels', why, cure);
}

function assertRuns({ losses }: Assembled, { train }: ResolvedConfig): void {
  const loss = losses.find(({ slot }) => slot.runsStudent === true);
  if (loss === undefined || train.passes === 'together') return;
  const why = `With train.passes "${train.passes}" losses see what the passes said, not the student.`;
  refuse(loss, 'it runs the student again', why, '--set train.passes=together');
}

/** @throws DMX_PART_NEEDS when parts of a run do not fit each other. */
export function assertPartsFit(parts: Assembled, config: ResolvedConfig): void {
  assertTeachers(parts);
  assertSelectors(parts);
  assertMixing(parts, config);
  assertRuns(parts, config);
}
