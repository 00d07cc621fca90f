import type { NamedTensors, StudentOutput, ViewNeed } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LossViewTensors } from '../../types.js';
import { type LossPart, ONE_FEATURE, takes } from '../parts.js';
import type { UnseenView } from './views.js';

/** Properties that throw when they are read, not enumerable so that a copy of the object leaves them alone. */
function barred(names: readonly string[], reason: (name: string) => string): PropertyDescriptorMap {
  const entries = names.map((name) => [
    name,
    {
      enumerable: false,
      get() {
        throw new Error(reason(name));
      },
    },
  ]);
  return Object.fromEntries(entries);
}

/** The features that are there; another one that the student declares is an error, not undefined. */
export function onlyFeatures(
  features: NamedTensors<Tensor>,
  declared: readonly string[],
  reason: (name: string) => string,
): NamedTensors<Tensor> {
  return Object.defineProperties(
    { ...features },
    barred(
      declared.filter((name) => !(name in features)),
      reason,
    ),
  );
}

/** Some of the features; the others are an error, not undefined. Nothing is read that a loss does not read itself. */
function onlyNamed(features: NamedTensors<Tensor>, names: readonly string[], view: string): NamedTensors<Tensor> {
  const reason = (name: string) =>
    `it read the feature "${name}" of the view "${view}", which it does not take; it takes ${names.join(', ')}`;
  const others = Object.keys(features).filter((name) => !names.includes(name));
  const given = names
    .filter((name) => name in features)
    .map((name) => [name, { enumerable: true, get: () => features[name]! }]);
  return Object.defineProperties({}, { ...Object.fromEntries(given), ...barred(others, reason) });
}

/** A view as one loss may see it: what it does not take cannot be read. */
export function viewFor(
  loss: LossPart,
  view: UnseenView,
  { logits, heads = {}, features }: StudentOutput<Tensor>,
): LossViewTensors {
  const taken = (...needs: readonly ViewNeed[]): boolean => needs.some((need) => takes(loss, view.name, need));
  const { selection, ...unseen } = view;
  const needs = loss.slot.takes[view.name] ?? [];
  const named = needs.filter((need) => need.startsWith(ONE_FEATURE)).map((need) => need.slice(ONE_FEATURE.length));
  const own = taken('features') ? features : onlyNamed(features, named, view.name);
  const offered = { ...unseen, heads, features: own, logits };
  const closed = [
    ...(taken('logits') ? [] : ['logits']),
    ...(taken('heads') ? [] : ['heads']),
    ...(taken('features') || named.length > 0 ? [] : ['features']),
    ...(taken('tokens') ? [] : ['tokens']),
    ...(taken('pseudo-labels', 'probabilities', 'maps') ? [] : ['pseudo']),
  ];
  const open = Object.entries(offered).filter(([name]) => !closed.includes(name));
  const reason = (name: string) =>
    `it read "${name}" of the view "${view.name}", which it does not take; name it in "takes"`;
  return Object.defineProperties(Object.fromEntries(open), barred(closed, reason)) as unknown as LossViewTensors;
}
