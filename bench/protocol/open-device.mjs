/** Starts the engine on the device of a task: node open-device.mjs TASK; what is missing goes to standard error, exit 1. */
import { createHost } from '@dinomix/core';
import { builtIns, openBackend } from '@dinomix/trainer';
import { configOf } from './presets.mjs';

try {
  const host = await createHost({ config: configOf(JSON.parse(process.argv[2])), base: builtIns });
  const { name, device, facts } = await openBackend(host);
  console.log(JSON.stringify({ engine: name, device, facts }));
  await host.dispose();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
