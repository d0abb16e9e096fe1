/** A Vitest reporter that counts every test of every project, and keeps why tests were skipped. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed tests, files that did not load, and errors outside tests
 * @property {number} skipped
 * @property {readonly string[]} failures
 * @property {Record<string, number>} reasons skipped tests by file and reason, or by suite where none was given
 * @property {Record<string, { files: number, seconds: number }>} projects what the files of each took together
 * @property {readonly (readonly [string, number])[]} dearest the files that took longest, with seconds: its tests and what it imports
 */

/** So many of the dearest files are named. */
const DEAREST = 15;

/** Vitest calls its methods; `outputFile` is where the counts go. */
export default class CountsReporter {
  /** @param {{ outputFile: string }} options */
  constructor(options) {
    this.outputFile = options.outputFile;
  }

  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} errors
   */
  onTestRunEnd(modules, errors) {
    /** @type {{ passed: number, failed: number, skipped: number, failures: string[], reasons: Record<string, number>, projects: Counts['projects'], dearest: [string, number][] }} */
    const counts = {
      passed: 0,
      failed: errors.length,
      skipped: 0,
      failures: errors.map(() => 'an error outside any test'),
      reasons: {},
      projects: {},
      dearest: [],
    };
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      // A hook or an import that failed: its tests were never run, so none of them can report it.
      const broken = [module, ...module.children.allSuites()].filter((part) => part.errors().length > 0);
      counts.failed += broken.length;
      counts.failures.push(...broken.map((part) => `${file}${'fullName' in part ? ` > ${part.fullName}` : ' did not load'}`));
      const took = module.diagnostic();
      const seconds = (took.duration + took.collectDuration + took.setupDuration) / 1000;
      counts.dearest.push([file, seconds]);
      counts.projects[module.project.name] ??= { files: 0, seconds: 0 };
      const project = /** @type {{ files: number, seconds: number }} */ (counts.projects[module.project.name]);
      project.files += 1;
      project.seconds += seconds;
      for (const test of module.children.allTests()) this.#count(counts, file, test);
    }
    counts.dearest = counts.dearest.sort((a, b) => b[1] - a[1]).slice(0, DEAREST);
    mkdirSync(dirname(this.outputFile), { recursive: true });
    writeFileSync(this.outputFile, JSON.stringify(counts));
  }

  /**
   * @param {{ passed: number, failed: number, skipped: number, failures: string[], reasons: Record<string, number> }} counts
   * @param {string} file
   * @param {import('vitest/node').TestCase} test
   */
  #count(counts, file, test) {
    const result = test.result();
    if (result.state === 'passed') counts.passed += 1;
    else if (result.state === 'failed') {
      counts.failed += 1;
      counts.failures.push(`${file} > ${test.fullName}`);
    } else {
      counts.skipped += 1;
      const note = result.state === 'skipped' ? result.note : 'never ran';
      const suite = test.parent.type === 'suite' ? ` > ${test.parent.fullName}` : '';
      const reason = `${file}${note ? `: ${note}` : suite}`;
      counts.reasons[reason] = (counts.reasons[reason] ?? 0) + 1;
    }
  }
}
