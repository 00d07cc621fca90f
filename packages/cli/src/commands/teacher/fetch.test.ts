import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { honest, type Server, startServer } from '../../../../../plugins/teacher-dinov3/test/hub.js';
import { dinomix, projectOf, temporaryFolder } from '../../../test/harness.js';

const dinov3 = {
  provides: ['teacher:dinov3'],
  load: () => import('../../../../../plugins/teacher-dinov3/src/index.js'),
};
const ID = 'onnx-community/dinov3-vits16-pretrain-lvd1689m-ONNX';
const MODEL = Buffer.alloc(2_500_000, 7);

let folder: string;
let server: Server;

beforeEach(async () => {
  folder = temporaryFolder();
  const files = { 'onnx/model.onnx': MODEL, 'config.json': Buffer.from('{}') };
  const card = { license: 'other', license_name: 'dinov3-license' };
  server = await startServer(honest({ id: ID, revision: '1'.repeat(40), files, large: ['onnx/model.onnx'], card }));
  for (const name of ['HF_TOKEN', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
  vi.stubEnv('HF_ENDPOINT', server.url);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const packages = () => projectOf(folder, { '@dinomix/teacher-dinov3': dinov3 });
const fetchModel = (...args: readonly string[]) =>
  dinomix(['teacher', 'fetch', ID, ...args], { folder, packages: packages() });

/** As on a terminal where a person gives this answer. */
async function answered(
  answer: string,
): Promise<{ readonly code: number; readonly out: string; readonly screen: string }> {
  let [out, screen] = ['', ''];
  const terminal = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      screen += text;
    },
    isScreen: true,
    columns: () => 100,
    ask: async (question: string) => {
      screen += question;
      return answer;
    },
  };
  const { code } = await dinomix(['teacher', 'fetch', ID], { folder, packages: packages(), terminal });
  return { code, out, screen };
}

const downloads = () => server.seen.filter(({ path }) => path.includes('/resolve/')).length;

it('without a terminal shows the licence and downloads nothing, unless the licence is named', async () => {
  const { code, out, err } = await fetchModel();
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain('licence: dinov3-license, https://ai.meta.com/resources/models-and-libraries/dinov3-license');
  expect(err).toContain('to download: 2.5 MB; free: ');
  expect(err).toContain('--accept-licence dinov3-license');
  expect((await fetchModel('--accept-licence', 'apache-2.0')).code).toBe(1);
  expect([downloads(), existsSync(join(folder, 'models', 'dinov3-vits16-pretrain-lvd1689m-ONNX', 'onnx'))]).toEqual([
    0,
    false,
  ]);
  const accepted = await fetchModel('--accept-licence', 'dinov3-license');
  expect(accepted.code).toBe(0);
  expect(accepted.out).toBe(
    'config.json, onnx/model.onnx: 2.5 MB downloaded, digests right\n' +
      "in the config: dinov3({ model: 'models/dinov3-vits16-pretrain-lvd1689m-ONNX' })\n",
  );
  const again = await fetchModel('--offline', '--json');
  expect(JSON.parse(again.out)).toMatchObject({ kind: 'onnx', downloaded: 0, licence: { name: 'dinov3-license' } });
});

it('on a terminal takes "yes" alone, and draws how far it is', async () => {
  for (const answer of ['', 'y', 'no']) expect(await answered(answer)).toMatchObject({ code: 1, out: '' });
  expect(downloads()).toBe(0);
  const { code, screen } = await answered(' Yes\n');
  expect(code).toBe(0);
  expect(screen).toContain('Do you accept the licence "dinov3-license"? Type yes: ');
  expect(screen).toMatch(/config\.json {2}0\.0 kB of 2\.5 MB/);
});

it('takes token and off-line mode from the environment, and the mirror from its option', async () => {
  vi.stubEnv('HF_TOKEN', 'hf_secret');
  vi.stubEnv('HF_ENDPOINT', 'https://127.0.0.1:1');
  const { code, out, err } = await fetchModel(
    '--mirror',
    server.url,
    '--accept-licence',
    'dinov3-license',
    '-o',
    'here',
  );
  expect(code).toBe(0);
  expect(server.seen.every(({ authorization }) => authorization === 'Bearer hf_secret')).toBe(true);
  expect(`${out}${err}${readFileSync(join(folder, 'here', 'receipt.json'), 'utf8')}`).not.toContain('hf_secret');
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  const seen = server.seen.length;
  expect((await fetchModel('-o', 'here')).out).toContain('there already');
  expect((await fetchModel('-o', 'elsewhere')).err).toContain('DMX_FETCH_OFFLINE');
  expect(server.seen).toHaveLength(seen);
});

it('interrupted ends with 130', async () => {
  const signal = AbortSignal.abort(new Error('interrupted'));
  const { code, err } = await dinomix(['teacher', 'fetch', ID], { folder, packages: packages(), signal });
  expect([code, err]).toEqual([130, 'dinomix: interrupted\n']);
  expect(readdirSync(folder)).toEqual([]);
});

it.each([
  [['--sha256', 'model=12'], 'Expected name=64 hexadecimal digits'],
  [['--limit-gb', '0'], 'Expected gigabytes above 0'],
  [['--precision', 'int8'], 'Allowed choices are float32, float16'],
])('%j ends with 2', async (args, message) => {
  const { code, err } = await fetchModel(...args);
  expect(code).toBe(2);
  expect(err).toContain(message);
});
