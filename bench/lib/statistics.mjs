function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Minimum, median and count of times in milliseconds. */
export function summarise(times) {
  return { minMs: round(Math.min(...times)), medianMs: round(median(times)), steps: times.length };
}

export function round(value, digits = 2) {
  return Number(value.toFixed(digits));
}

/** Least-squares slope of the values over their index. */
export function slope(values) {
  const centre = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let numerator = 0;
  let denominator = 0;
  values.forEach((value, index) => {
    numerator += (index - centre) * (value - mean);
    denominator += (index - centre) ** 2;
  });
  return numerator / denominator;
}
