import { isNavError } from '../base/index.js';

/** Where a command writes its lines. */
export interface CommandOutput {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
}

/** The process's own output. Whoever reads it may have read enough (`trocar-… | head -3`): that is no failure. */
export function terminal(): CommandOutput {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    error: (text) => void process.stderr.write(`${text}\n`),
  };
}

/**
 * Says what a command was refused by: on standard error, and as JSON where that was asked for. The answer is the exit code.
 * @param about what the JSON has beside `ok` and `error`
 * @throws what is no NavError: a failure of the program's own
 */
export function refused(error: unknown, to: CommandOutput, json: boolean, about: Readonly<Record<string, unknown>> = {}): 1 {
  if (!isNavError(error)) throw error;
  const { code, message, detail } = error;
  to.error(`${code}: ${message}`);
  if (json) to.out(JSON.stringify({ ok: false, ...about, error: { code, message, detail } }, null, 2));
  return 1;
}
