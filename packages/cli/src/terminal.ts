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
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isScreen: stderr.isTTY === true && env.TERM !== 'dumb' && env.CI === undefined,
    columns: () => stderr.columns ?? 80,
  };
}

/** One line that is drawn again and again. On anything but a screen it stays silent. */
export interface StatusLine {
  /** Draws the text, cut to the width of the screen. */
  draw(text: string): void;
  /** Writes a whole line above the status line. */
  print(text: string): void;
  /** Removes the status line. */
  clear(): void;
}

/** Makes the status line of a terminal. */
export function createStatusLine(terminal: Terminal): StatusLine {
  const erase = '\r\u001b[2K';
  let drawn = '';
  const draw = (text: string): void => {
    if (!terminal.isScreen) return;
    drawn = text.slice(0, Math.max(1, terminal.columns() - 1));
    terminal.err(`${erase}${drawn}`);
  };
  const clear = (): void => {
    if (drawn !== '') terminal.err(erase);
    drawn = '';
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
