import type { BatchPart, NamedTensors, PseudoTarget, TeacherAnswer } from '@dinomix/core';
import { addN, argMax, div, max, type Tensor } from '@tensorflow/tfjs-core';

/** What teachers may be asked about: both parts of the batch, and donor crops for their tokens. */
export type AnswerPart = 'labelled' | 'unlabelled' | 'donor';

/** Answers of one teacher by part. */
export type PartAnswers = Readonly<Partial<Record<AnswerPart, TeacherAnswer<Tensor>>>>;

/** Answers by teacher id. */
export type Answers = Readonly<Record<string, PartAnswers>>;

/** Answers as named tensors, so that they can enter or leave a graph. */
export function flattenAnswers(answers: Answers): NamedTensors<Tensor> {
  const flat: Record<string, Tensor> = {};
  for (const [teacher, parts] of Object.entries(answers)) {
    for (const [part, { probabilities = {}, tokens }] of Object.entries(parts)) {
      const prefix = `answer/${teacher}/${part}`;
      if (tokens !== undefined) flat[`${prefix}/tokens`] = tokens;
      for (const [student, value] of Object.entries(probabilities)) flat[`${prefix}/probabilities/${student}`] = value;
    }
  }
  return flat;
}

/** The opposite of {@link flattenAnswers}; other tensors are passed over. */
export function gatherAnswers(tensors: NamedTensors<Tensor>): Answers {
  const answers: Record<
    string,
    Partial<Record<AnswerPart, { probabilities: Record<string, Tensor>; tokens?: Tensor }>>
  > = {};
  for (const [name, value] of Object.entries(tensors)) {
    const [kind, teacher, part, field, student] = name.split('/');
    if (kind !== 'answer') continue;
    answers[teacher!] ??= {};
    const parts = answers[teacher!]!;
    parts[part as AnswerPart] ??= { probabilities: {} };
    const answer = parts[part as AnswerPart]!;
    if (field === 'tokens') answer.tokens = value;
    else answer.probabilities[student!] = value;
  }
  return answers;
}

/** A pseudo-label as tensors of a graph; `probabilities` only where a loss takes them. */
export function flattenPseudo(studentId: string, part: BatchPart, target: PseudoTarget<Tensor>): NamedTensors<Tensor> {
  const prefix = `pseudo/${studentId}/${part}`;
  const { label, confidence, probabilities } = target;
  const flat = { [`${prefix}/label`]: label, [`${prefix}/confidence`]: confidence };
  return probabilities === null ? flat : { ...flat, [`${prefix}/probabilities`]: probabilities };
}

/**
 * What the teachers say for one student about one part: as it was computed before the graph, or the mean of their
 * probabilities. Null when none speaks.
 */
export function pseudoTarget(
  tensors: NamedTensors<Tensor>,
  answers: Answers,
  studentId: string,
  part: BatchPart,
): PseudoTarget<Tensor> | null {
  const prefix = `pseudo/${studentId}/${part}`;
  const [label, confidence] = [tensors[`${prefix}/label`], tensors[`${prefix}/confidence`]];
  if (label !== undefined && confidence !== undefined) {
    return { label, confidence, probabilities: tensors[`${prefix}/probabilities`] ?? null };
  }
  const said = Object.values(answers).flatMap((parts) => parts[part]?.probabilities?.[studentId] ?? []);
  if (said.length === 0) return null;
  const probabilities = said.length === 1 ? said[0]! : div(addN(said), said.length);
  return { label: argMax(probabilities, -1), confidence: max(probabilities, -1), probabilities };
}

/** Tokens of one part by teacher id. */
export function tokensOf(answers: Answers, part: AnswerPart): NamedTensors<Tensor> {
  const entries = Object.entries(answers).flatMap(([teacher, parts]) => {
    const tokens = parts[part]?.tokens;
    return tokens === undefined ? [] : [[teacher, tokens] as const];
  });
  return Object.fromEntries(entries);
}
