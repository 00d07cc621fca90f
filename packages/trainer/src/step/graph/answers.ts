import type { BatchPart, NamedTensors, PseudoTarget, TeacherAnswer } from '@dinomix/core';
import { addN, argMax, div, max, type Tensor } from '@tensorflow/tfjs-core';
import { type AnswerPart, answerName, pseudoMaps, pseudoName, readAnswerName, under } from '../names.js';

/** Answers of one teacher by part. */
export type PartAnswers = Readonly<Partial<Record<AnswerPart, TeacherAnswer<Tensor>>>>;

/** Answers by teacher id. */
export type Answers = Readonly<Record<string, PartAnswers>>;

/** Answers as named tensors, so that they can enter or leave a graph. */
export function flattenAnswers(answers: Answers): NamedTensors<Tensor> {
  const flat: Record<string, Tensor> = {};
  for (const [teacherId, parts] of Object.entries(answers)) {
    for (const [part, { probabilities = {}, maps = {}, tokens }] of Object.entries(parts)) {
      const about = { teacherId, part: part as AnswerPart };
      if (tokens !== undefined) flat[answerName({ ...about, studentId: null, map: null })] = tokens;
      for (const [studentId, value] of Object.entries(probabilities)) {
        flat[answerName({ ...about, studentId, map: null })] = value;
      }
      for (const [studentId, named] of Object.entries(maps)) {
        for (const [map, value] of Object.entries(named)) flat[answerName({ ...about, studentId, map })] = value;
      }
    }
  }
  return flat;
}

/** An answer that is being put together. */
interface Gathered {
  readonly probabilities: Record<string, Tensor>;
  readonly maps: Record<string, Record<string, Tensor>>;
  tokens?: Tensor;
}

/** The opposite of {@link flattenAnswers}; other tensors are passed over. */
export function gatherAnswers(tensors: NamedTensors<Tensor>): Answers {
  const answers: Record<string, Partial<Record<AnswerPart, Gathered>>> = {};
  for (const [name, value] of Object.entries(tensors)) {
    const about = readAnswerName(name);
    if (about === null) continue;
    const { teacherId, part, studentId, map } = about;
    answers[teacherId] ??= {};
    const parts = answers[teacherId];
    parts[part] ??= { probabilities: {}, maps: {} };
    const answer = parts[part];
    if (studentId === null) answer.tokens = value;
    else if (map === null) answer.probabilities[studentId] = value;
    else answer.maps[studentId] = { ...answer.maps[studentId], [map]: value };
  }
  return answers;
}

/** A pseudo-label as tensors of a graph; `probabilities` only where somebody takes them. */
export function flattenPseudo(studentId: string, part: BatchPart, target: PseudoTarget<Tensor>): NamedTensors<Tensor> {
  const flat: Record<string, Tensor> = {};
  for (const field of ['label', 'confidence', 'probabilities'] as const) {
    const value = target[field];
    if (value !== null) flat[pseudoName(studentId, part, field)] = value;
  }
  for (const [map, value] of Object.entries(target.maps)) flat[pseudoName(studentId, part, `maps/${map}`)] = value;
  return flat;
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
  const known = (field: 'label' | 'confidence' | 'probabilities') => tensors[pseudoName(studentId, part, field)];
  const [label, confidence] = [known('label'), known('confidence')];
  if (label !== undefined && confidence !== undefined) {
    const maps = under(pseudoMaps(studentId, part), tensors);
    return { label, confidence, probabilities: known('probabilities') ?? null, weight: null, maps };
  }
  const spoken = Object.values(answers).flatMap((parts) => parts[part] ?? []);
  const said = spoken.flatMap(({ probabilities }) => probabilities?.[studentId] ?? []);
  if (said.length === 0) return null;
  const maps = Object.assign({}, ...spoken.map((answer) => answer.maps?.[studentId] ?? {})) as NamedTensors<Tensor>;
  const probabilities = said.length === 1 ? said[0]! : div(addN(said), said.length);
  return { label: argMax(probabilities, -1), confidence: max(probabilities, -1), probabilities, weight: null, maps };
}

/** Tokens of one part by teacher id. */
export function tokensOf(answers: Answers, part: AnswerPart): NamedTensors<Tensor> {
  const entries = Object.entries(answers).flatMap(([teacher, parts]) => {
    const tokens = parts[part]?.tokens;
    return tokens === undefined ? [] : [[teacher, tokens] as const];
  });
  return Object.fromEntries(entries);
}
