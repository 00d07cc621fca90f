import type { BatchPart, ViewName } from '@dinomix/core';
import type { LossPart, StepParts, TeacherPart } from './parts.js';
import { VIEW_ORDER } from './parts.js';

/** Parts of a run that decide which views exist. */
export interface RunShape {
  readonly unlabelled: boolean;
  readonly mixers: boolean;
}

/** Views that the losses ask for and the run can have, in the order in which they are joined. */
export function viewsInUse(losses: readonly LossPart[], { unlabelled, mixers }: RunShape): readonly ViewName[] {
  const possible: Readonly<Record<ViewName, boolean>> = {
    labelled: true,
    unlabelled,
    'mixed-labelled': mixers,
    'mixed-unlabelled': mixers && unlabelled,
  };
  return VIEW_ORDER.filter((name) => possible[name] && losses.some(({ slot }) => slot.views.includes(name)));
}

/** Whether some loss takes what the teachers say about this clean view. */
function needsPseudoLabels({ losses }: StepParts, part: BatchPart): boolean {
  return losses.some(
    ({ slot: { needs, views } }) => (needs.pseudoLabels === true || needs.probabilities) && views.includes(part),
  );
}

/** Whether some loss takes the teachers' probabilities on this clean view, and not their classes alone. */
export function needsProbabilities({ losses }: StepParts, part: BatchPart): boolean {
  return losses.some(({ slot }) => slot.needs.probabilities && slot.views.includes(part));
}

function isMixed(view: ViewName): boolean {
  return view === 'mixed-labelled' || view === 'mixed-unlabelled';
}

/** Whether some loss takes tokens on mixed views. */
export function needsMixedTokens({ losses, views }: StepParts): boolean {
  return losses.some(
    ({ slot }) => slot.needs.tokens && slot.views.some((view) => isMixed(view) && views.includes(view)),
  );
}

/** Parts about which a teacher is asked: those that it looks at and whose answer somebody takes. */
export function partsToAsk({ slot }: TeacherPart, parts: StepParts): readonly BatchPart[] {
  const tokensOn = (part: BatchPart) =>
    needsMixedTokens(parts) || parts.losses.some((loss) => loss.slot.needs.tokens && loss.slot.views.includes(part));
  return slot.looksAt.filter(
    (part) =>
      (slot.produces.probabilities && (part === 'unlabelled' || needsPseudoLabels(parts, part))) ||
      (slot.produces.tokens && tokensOn(part)),
  );
}
