import { createInterface } from 'node:readline/promises';
import { printable, printableLine } from '@dinomix/volume';

/** Where a command writes. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Progress, warnings and errors. */
  err(text: string): void;
  /** Whether {@link err} is a screen on which a line can be drawn again. */
  readonly isScreen: boolean;
  /** Characters per line of that screen. */
  readonly columns: () => number;
  /** Moves the cursor of that screen: sequences of this program, never text. Left out, {@link err} takes them. */
  readonly control?: (sequence: string) => void;
  /** Asks and reads a line; left out where nobody can answer. */
  readonly ask?: (question: string, signal: AbortSignal) => Promise<string>;
}

/** Asks on the terminal; Ctrl-C there goes to the process, as everywhere else. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.on('SIGINT', () => void process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question(question, { signal });
  } finally {
    lines.close();
  }
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isScreen: stderr.isTTY === true && env.TERM !== 'dumb' && env.CI === undefined,
    columns: () => stderr.columns ?? 80,
    ...(stdin.isTTY === true && stderr.isTTY === true ? { ask } : {}),
  };
}

/** The terminal, with control characters of names and other text shown escaped, whatever a command writes. */
export function escapingTerminal(terminal: Terminal): Terminal {
  const { ask: question } = terminal;
  return {
    ...terminal,
    out: (text) => terminal.out(printable(text)),
    err: (text) => terminal.err(printable(text)),
    control: terminal.control ?? ((sequence) => terminal.err(sequence)),
    ...(question ? { ask: (text, signal) => question(printable(text), signal) } : {}),
  };
}

/** Lines that are drawn again and again. On anything but a screen they stay silent. */
export interface StatusLine {
  /** Draws the text, broken at double spaces into as many lines as the width of the screen asks for. */
  draw(text: string): void;
  /** Writes a whole line above the status. */
  print(text: string): void;
  /** Removes the status. */
  clear(): void;
}

/** Breaks a text at double spaces into lines of fewer than `columns` characters; a longer part is cut. */
function fold(text: string, columns: number): string[] {
  const width = Math.max(1, columns - 1);
  const lines: string[] = [];
  for (const part of text.split('  ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + part.length <= width) lines[lines.length - 1] = `${last}  ${part}`;
    else lines.push(part.slice(0, width));
  }
  return lines;
}

const ERASE = '\r\u001b[2K';
const ERASE_ABOVE = '\u001b[1A\u001b[2K';

/** Makes the status of a terminal. */
export function createStatusLine(terminal: Terminal): StatusLine {
  let drawn = '';
  let lines = 0;
  const control = terminal.control ?? terminal.err;
  const erase = (): void => control(`${ERASE}${ERASE_ABOVE.repeat(Math.max(0, lines - 1))}`);
  const draw = (text: string): void => {
    if (!terminal.isScreen) return;
    // Folded as it will be shown: a name that breaks lines, or is longer escaped, would leave rests on the screen.
    const folded = fold(printableLine(text), terminal.columns());
    erase();
    terminal.err(folded.join('\n'));
    [drawn, lines] = [text, folded.length];
  };
  const clear = (): void => {
    if (lines > 0) erase();
    [drawn, lines] = ['', 0];
  };
  return {
    draw,
    clear,
    print: (text) => {
      const present = drawn;
      clear();
      terminal.err(`${text}\n`);
      if (present !== '') draw(present);
    },
  };
}
