/** Maps values to places in the picture. */
export interface Scale {
  readonly domain: readonly [low: number, high: number];
  readonly ticks: readonly number[];
  map(value: number): number;
}

/** Steps of 1, 2 or 5 times a power of ten, about `count` of them. */
function niceStep(range: number, count: number): number {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = [1, 2, 5, 10].find((one) => one * power >= rough * 0.9999)!;
  return lead * power;
}

function padded([low, high]: readonly [number, number]): readonly [number, number] {
  if (low < high) return [low, high];
  const pad = low === 0 ? 1 : Math.abs(low) * 0.1;
  return [low - pad, high + pad];
}

/** A linear scale. @param nice - widens the domain to whole steps. */
export function linearScale(
  domain: readonly [number, number],
  [start, end]: readonly [number, number],
  { count = 5, nice = false } = {},
): Scale {
  let [low, high] = padded(domain);
  const step = niceStep(high - low, count);
  if (nice) [low, high] = [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
  const first = Math.ceil(low / step - 1e-9);
  const ticks: number[] = [];
  for (let index = first; index * step <= high + step * 1e-9; index++)
    ticks.push(Number((index * step).toPrecision(12)));
  const map = (value: number) => start + ((value - low) / (high - low)) * (end - start);
  return { domain: [low, high], ticks, map };
}

/** A logarithmic scale between two of 1, 2 or 5 times a power of ten; such ticks where few decades are covered. Values are positive. */
export function logScale([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale {
  const steps = (value: number) => [1, 2, 5, 10].map((lead) => lead * 10 ** Math.floor(Math.log10(value) + 1e-9));
  const top = Math.max(to, from * 1.01);
  const low = steps(from).findLast((step) => step <= from * (1 + 1e-9))!;
  const high = steps(top).find((step) => step >= top * (1 - 1e-9))!;
  const decades = Math.log10(high / low);
  const leads = decades <= 2.5 ? [1, 2, 5] : [1];
  const first = Math.floor(Math.log10(low) + 1e-9);
  // Of many decades every second one is named, counted from the top.
  const every = decades > 5 ? 2 : 1;
  const last = Math.floor(Math.log10(high) + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => last - index * every)
    .reverse()
    .map((exponent) => 10 ** exponent)
    .flatMap((decade) => leads.map((lead) => Number((decade * lead).toPrecision(12))))
    .filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const map = (value: number) => start + (Math.log10(Math.max(value, low) / low) / decades) * (end - start);
  return { domain: [low, high], ticks, map };
}
