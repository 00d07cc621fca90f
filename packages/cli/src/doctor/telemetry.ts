import type { Finding } from './finding.js';

/** Whether libraries record what is done with them. */
export function checkTelemetry(value: string | undefined): Finding {
  const check = 'telemetry';
  if (value === '1') return { check, state: 'good', note: "none; ONNX Runtime's is off (ORT_DISABLE_TELEMETRY=1)" };
  const fix = 'Set ORT_DISABLE_TELEMETRY=1 in the environment.';
  return { check, state: 'warning', note: 'ONNX Runtime may record it under ~/.cache/Microsoft/DeveloperTools', fix };
}
