import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** An authority of a test's own. */
export interface Authority {
  /** PEM of its own certificate. */
  readonly ca: string;
  /** A certificate for a name: of a server, or of whoever asks. @param days it holds from now on; below 0 it has expired */
  issue(name: string, days?: number): Certified;
  remove(): void;
}

/** Whether there is an `openssl` to make certificates with. */
export const hasOpenssl: boolean = spawnSync('openssl', ['version']).status === 0;

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority in a folder of its own. @throws Error with what openssl says */
export function authority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-authority-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args);
    if (status !== 0) throw new Error(stderr.toString());
  };
  openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=test authority', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  let n = 0;
  return {
    ca: readFileSync(at('ca.pem'), 'utf8'),
    issue: (name, days = 2) => {
      n += 1;
      const [key, asked, cert] = [at(`${n}.key`), at(`${n}.csr`), at(`${n}.pem`)];
      openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', asked);
      const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-copy_extensions', 'copyall'];
      openssl('x509', '-req', '-in', asked, ...signed, '-days', String(days), '-out', cert);
      return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
