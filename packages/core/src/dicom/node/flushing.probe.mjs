// Sends what waits in a study folder to an archive, until it is killed: node flushing.probe.mjs FOLDER URL
import { dicomArchive, openStudyStore, openWriteQueue } from '../archive/index.js';
import { studyFolder } from './study-folder.js';

const [folder, url] = process.argv.slice(2);
const queue = await openWriteQueue(await openStudyStore(await studyFolder(String(folder))));
process.stdout.write('open\n');
await queue.flush(dicomArchive({ url: String(url), retries: 0 }), {
  onObject: ({ sopInstanceUid, outcome }) => void process.stdout.write(`${outcome} ${sopInstanceUid}\n`),
});
process.stdout.write('done\n');
