import { expect, it } from 'vitest';
import { createStatusLine, escapingTerminal } from './terminal.js';

function screen(columns: number) {
  const written: string[] = [];
  const err = (text: string) => void written.push(text);
  return { written, terminal: { out: () => undefined, err, isScreen: true, columns: () => columns } };
}

it('breaks what is too long at double spaces and erases all of its lines before the next', () => {
  const { written, terminal } = screen(14);
  const status = createStatusLine(terminal);
  status.draw('epoch 1/2  step 1  dice% 10 20');
  status.draw('epoch 1/2');
  status.clear();
  const [line, above] = ['\r\u001b[2K', '\u001b[1A\u001b[2K'];
  expect(written).toEqual([line, 'epoch 1/2\nstep 1\ndice% 10 20', `${line}${above}${above}`, 'epoch 1/2', line]);
});

it('escapes what steers it in names, and moves the cursor by itself all the same', () => {
  const { written, terminal } = screen(80);
  const escaping = escapingTerminal(terminal);
  const status = createStatusLine(escaping);
  const name = 'liver\u001b[2J\u009b1A';
  status.draw(`case 1: ${name}\n2`);
  status.print(`${name} is left out`);
  const line = '\r\u001b[2K';
  const shown = String.raw`liver\u001b[2J\u009b1A`;
  const drawn = [line, `case 1: ${shown}\\n2`];
  expect(written).toEqual([...drawn, line, `${shown} is left out\n`, ...drawn]);
});

it('prints above what is drawn', () => {
  const { written, terminal } = screen(80);
  const status = createStatusLine(terminal);
  status.draw('step 1');
  status.print('warning: careful');
  expect(written.join('').endsWith('warning: careful\n\r\u001b[2Kstep 1')).toBe(true);
});
