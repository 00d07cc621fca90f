// `@dinomix/core/hash-json`: for worker threads, which start several times faster without the plugin host.

export { hashJson } from './config/fingerprint.js';
