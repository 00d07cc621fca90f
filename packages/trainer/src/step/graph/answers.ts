import type { BatchPart, NamedTensors, PseudoTarget, TeacherAnswer } from '@dinomix/core';
import { addN, argMax, div, max, type Tensor } from '@tensorflow/tfjs-core';
import { type AnswerPart, answerName, pseudoName, readAnswerName } from '../names.js';

/** Answers of one teacher by part. */
export type PartAnswers = Readonly<Partial<Record<AnswerPart, TeacherAnswer<Tensor>>>>;

/** Answers by teacher id. */
export type Answers = Readonly<Record<string, PartAnswers>>;

/** Answers as named tensors, so that they can enter or leave a graph. */
export function flattenAnswers(answers: Answers): NamedTensors<Tensor> {
  const flat: Record<string, Tensor> = {};
  for (const [teacher, parts] of Object.entries(answers)) {
    for (const [part, { probabilities = {}, tokens }] of Object.entries(parts)) {
      const about = { teacherId: teacher, part: part as AnswerPart };
      if (tokens !== undefined) flat[answerName({ ...about, studentId: null })] = tokens;
      for (const [studentId, value] of Object.entries(probabilities)) flat[answerName({ ...about, studentId })] = value;
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
    const about = readAnswerName(name);
    if (about === null) continue;
    const { teacherId, part, studentId } = about;
    answers[teacherId] ??= {};
    const parts = answers[teacherId];
    parts[part] ??= { probabilities: {} };
    if (studentId === null) parts[part].tokens = value;
    else parts[part].probabilities[studentId] = value;
  }
  return answers;
}

/** A pseudo-label as tensors of a graph; `probabilities` only where a loss takes them. */
export function flattenPseudo(studentId: string, part: BatchPart, target: PseudoTarget<Tensor>): NamedTensors<Tensor> {
  const fields = Object.entries(target) as [keyof PseudoTarget<Tensor>, Tensor | null][];
  const given = fields.filter((field): field is [keyof PseudoTarget<Tensor>, Tensor] => field[1] !== null);
  return Object.fromEntries(given.map(([field, value]) => [pseudoName(studentId, part, field), value]));
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
  const known = (field: keyof PseudoTarget<Tensor>) => tensors[pseudoName(studentId, part, field)];
  const [label, confidence] = [known('label'), known('confidence')];
  if (label !== undefined && confidence !== undefined) {
    return { label, confidence, probabilities: known('probabilities') ?? null };
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
