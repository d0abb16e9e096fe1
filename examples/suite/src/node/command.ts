import { type Check, wordsOf } from './headless-run.js';

/** An example as a command: a run without a screen, or a page. */
export interface ExampleCommand<Arguments extends { readonly headless: boolean; readonly json: boolean }> {
  readonly usage: string;
  /** @throws Error about the arguments, whose message stands above the usage */
  readonly read: () => Arguments;
  /** @returns the exit code */
  readonly headless: (args: Arguments) => Promise<number>;
  /** Makes the page's server, and says what it is. */
  readonly serve: (args: Arguments) => Promise<Served>;
}

/** A page that is served until the process is told to end. */
export interface Served {
  readonly name: string;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Runs an example: what goes wrong is one line with its code, or one JSON object.
 * @returns the exit code: 2 for arguments that make no sense, 1 for a run that failed
 */
export async function runExample<Arguments extends { readonly headless: boolean; readonly json: boolean }>(
  command: ExampleCommand<Arguments>,
): Promise<number> {
  let args: Arguments;
  try {
    args = command.read();
  } catch (error) {
    process.stderr.write(`${wordsOf(error).message}\n${command.usage}`);
    return 2;
  }
  try {
    return args.headless ? await command.headless(args) : await serveUntilSignalled(await command.serve(args));
  } catch (error) {
    const words = wordsOf(error);
    if (args.json) process.stdout.write(`${JSON.stringify({ outcome: 'failed', error: words })}\n`);
    else process.stderr.write(`${words.code}: ${words.message}\n`);
    return 1;
  }
}

async function serveUntilSignalled(served: Served): Promise<number> {
  process.stdout.write(`Trocar ${served.name}: ${served.url}\nEnd with Ctrl-C.\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await served.close();
  return 0;
}

/** What every report of a run without a screen has. */
interface Report {
  readonly outcome: string;
  readonly seconds: number;
  readonly checks: readonly Check[];
}

/** Prints a report: as one JSON object, or a line for each check and one for the outcome. */
export function printReport(report: Report, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  for (const { name, held, detail } of report.checks) process.stdout.write(`${held ? 'ok  ' : 'FAIL'} ${name}: ${detail}\n`);
  process.stdout.write(`${report.outcome} in ${report.seconds.toFixed(1)} s\n`);
}

/**
 * Seed and port of the command line.
 * @throws TypeError for what is no integer, or no port
 */
export function seedAndPort(values: { readonly seed: string; readonly port: string }): { seed: number; port: number } {
  const [seed, port] = [Number(values.seed), Number(values.port)];
  if (!Number.isInteger(seed)) throw new TypeError(`--seed needs an integer, got "${values.seed}".`);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new TypeError(`--port needs 0 … 65535, got "${values.port}".`);
  return { seed, port };
}
