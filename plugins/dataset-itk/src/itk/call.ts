import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import type { ItkAnswer, ItkRequest } from './protocol.js';

// The end of what ITK printed: its exceptions are the last lines.
const KEPT_TEXT = 2000;

function lastOf(stream: Readable): () => string {
  let text = '';
  stream.on('data', (piece: Buffer) => {
    text = (text + piece.toString()).slice(-KEPT_TEXT);
  });
  return () => text;
}

/** The sentence of an ITK exception, without source lines and object addresses. */
function sentenceOf(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) => line !== '' && !/^(std|stderr|Exception while|Build module|0x|at )|^\S+\.(cxx|hxx|h):\d+/.test(line),
    );
  return lines.slice(-3).join(' ');
}

/**
 * Lets ITK work in a thread of its own.
 *
 * @remarks A call blocks its thread for seconds, prints to the standard output, keeps the memory that it once took, and may
 * end in a C++ exception that nobody can catch: a thread for each call contains all of it, and can be stopped.
 * @throws the reason of the signal where it is aborted.
 */
export async function callItk(request: ItkRequest, signal?: AbortSignal): Promise<ItkAnswer> {
  signal?.throwIfAborted();
  const file = createRequire(import.meta.url).resolve('@dinomix/dataset-itk/itk-worker');
  // The thread runs built files, whatever loaders and conditions this process was started with.
  const worker = new Worker(file, { workerData: request, execArgv: [], stdout: true, stderr: true });
  const printed = [lastOf(worker.stdout), lastOf(worker.stderr)];
  let reason = '';
  const failed = (): ItkAnswer => {
    const said = sentenceOf(reason) || sentenceOf(printed.map((last) => last()).join('\n'));
    return { kind: 'failed', text: said || 'ITK gives no reason' };
  };
  let abort = (): void => undefined;
  try {
    return await new Promise<ItkAnswer>((resolve, reject) => {
      worker.once('message', (answer: ItkAnswer) => {
        // What ITK printed about a failure has arrived when the thread has ended.
        if (answer.kind === 'failed') reason = answer.text;
        else resolve(answer);
      });
      worker.once('error', (thrown: unknown) => {
        reason = thrown instanceof Error ? thrown.message : '';
      });
      worker.once('exit', () => resolve(failed()));
      abort = () => reject(signal!.reason);
      signal?.addEventListener('abort', abort);
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}
