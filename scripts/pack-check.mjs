/** `npm run pack:check`: builds and packs the packages, then has publint and attw read the tarballs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready } from './bootstrap.mjs';
import { checkTarball, packAll } from './lib/tarballs.mjs';

await ready('build');
const folder = mkdtempSync(join(tmpdir(), 'trocar-pack-'));
try {
  for (const tarball of await packAll(folder)) {
    const { publint, attw } = await checkTarball(tarball);
    const kib = (tarball.bytes / 1024).toFixed(0);
    console.log(`${tarball.name}: ${tarball.files.length} files, ${kib} KiB packed`);
    for (const { code, output } of [publint, attw]) {
      if (code === 0) continue;
      console.log(output.trimEnd());
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
