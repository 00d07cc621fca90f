// Loaded before a command: ends its process, as `kill -9` does, at the nth operation of a thread that changes files (KILL_AT,
// `<thread>:<n>`); a write is cut in half. With KILL_COUNT it counts them instead, a byte for each in `<KILL_COUNT>.<thread>`.

const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { threadId } = require('node:worker_threads');

const { KILL_AT = '', KILL_COUNT } = process.env;
const [thread, last] = KILL_AT.split(':').map(Number);
const { appendFileSync, writeSync } = fs;
let done = 0;

/** Whether this operation is the one at which the process ends. */
function isLast() {
  if (KILL_COUNT !== undefined) appendFileSync(`${KILL_COUNT}.${threadId}`, '.');
  return thread === threadId && ++done === last;
}

function end() {
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function watch(target, name) {
  const original = target[name];
  target[name] = function (...args) {
    if (isLast()) end();
    return original.apply(this, args);
  };
}

function watchHandles(handles) {
  for (const name of ['appendFile', 'sync', 'close']) watch(handles, name);
  const { write } = handles;
  handles.write = function (bytes, offset = 0, ...rest) {
    if (isLast()) {
      writeSync(this.fd, bytes, offset, (bytes.byteLength - offset) >> 1);
      end();
    }
    return write.call(this, bytes, offset, ...rest);
  };
}

for (const name of ['rename', 'unlink', 'rm', 'link', 'mkdir', 'writeFile']) watch(fs.promises, name);
const { open } = fs.promises;
let isWatched = false;
fs.promises.open = async (path, flags = 'r', ...rest) => {
  if (typeof flags === 'string' && flags !== 'r' && isLast()) end();
  const handle = await open(path, flags, ...rest);
  if (!isWatched) watchHandles(Object.getPrototypeOf(handle));
  isWatched = true;
  return handle;
};
syncBuiltinESMExports();
