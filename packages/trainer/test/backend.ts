// The plain CPU backend, which is the reference. Layers is imported because it registers the gradients of tfjs-core.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { env, ready, setBackend } from '@tensorflow/tfjs-core';

// Silences the advertisement of tfjs-node.
env().set('IS_TEST', true);
await setBackend('cpu');
await ready();
