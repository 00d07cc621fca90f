import { definePlugin } from '@dinomix/core';
import { optionsSchema } from './options.js';
import type { ReportRequest, WrittenReport } from './report.js';

export type { ReportRequest, WrittenReport } from './report.js';

/** Writes the page of one run, or of several side by side, out of what lies in the run folders. */
export async function writeReport(request: ReportRequest): Promise<WrittenReport> {
  return (await import('./report.js')).writeReport(request);
}

/** The reporter `html`: one self-contained page in the run folder, written anew after every epoch. */
export const html = definePlugin({
  name: '@dinomix/reporter-html',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['reporter:html'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('reporter', 'html', async () => (await import('./reporter.js')).createHtmlReporter(options));
  },
});
