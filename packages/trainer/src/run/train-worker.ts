import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { RunSpec } from '@dinomix/core';
import { serveRun, type WorkerRequest } from './serve.js';
import type { WorkerMessage } from './worker-message.js';

/*
 * Entry of a thread or child process that trains one run. A thread gets its RunSpec as `workerData`; a child process gets it
 * in a message `start`. Both answer with the messages of `WorkerMessage` and take `stop`.
 */

const stop = new AbortController();

function onRequest(request: WorkerRequest): void {
  if (request.type === 'stop') stop.abort(new Error('a stop was requested'));
  else void serveRun(request.spec, stop.signal, sendFromProcess).finally(() => process.disconnect());
}

function sendFromProcess(message: WorkerMessage): void {
  process.send!(message);
}

if (isMainThread) {
  process.on('message', onRequest);
} else {
  const port = parentPort!;
  port.on('message', onRequest);
  void serveRun(workerData as RunSpec, stop.signal, (message) => port.postMessage(message)).finally(() => port.close());
}
