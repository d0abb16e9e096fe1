import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { type Browser, chromium } from 'playwright';

/** Software WebGL, and nothing that looks for a network. */
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'].concat([
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-swiftshader',
]);

/** How drawing in software stands behind the tracker and the page that reads it: the larger, the further. */
const BEHIND = 5;
const LOOK_EVERY_MS = 1000;

/**
 * A Chromium for a test of a procedure. Started by root, Chromium gives its drawing process a higher priority than all other programs
 * (nice −8). On a GPU that costs nothing; in software, on two cores, it keeps tracker and page from running for as long as each picture takes: the
 * poses are really old, and the alarms that say so are right. Here drawing stands behind.
 */
export async function openBrowser(executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  // Again and again: threads come later, and so does another process after a crash.
  const timer = setInterval(letDrawingWait, LOOK_EVERY_MS);
  timer.unref();
  browser.on('disconnected', () => clearInterval(timer));
  return browser;
}

/** Puts every thread of this process' drawing process behind. Only Linux tells of them. */
function letDrawingWait(): void {
  if (process.platform !== 'linux') return;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    // A process or a thread may end while it is looked at.
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=gpu-process') || !isOurs(pid)) continue;
      for (const thread of readdirSync(`/proc/${pid}/task`).map(Number))
        if (getPriority(thread) < BEHIND) setPriority(thread, BEHIND);
    } catch {}
  }
}

/** Whether a process descends from this one. */
function isOurs(pid: string): boolean {
  for (let at = pid; Number(at) > 1; ) {
    if (Number(at) === process.pid) return true;
    // After the name in brackets, which may hold anything: state, then the parent.
    const parent = readFileSync(`/proc/${at}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1];
    if (parent === undefined) return false;
    at = parent;
  }
  return false;
}
