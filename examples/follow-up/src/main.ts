import { parseArgs } from 'node:util';
import { coverageOver } from './coverage.js';
import { coverageRegistered, followUpTable, runFollowUp } from './node/headless.js';

/**
 * `npm start -w @trocar/example-follow-up -- --seed 3`: a simulated patient imaged twice, and what became of the tumours.
 * `--deformable`: through a map that bends, where one is found. `--patients N`: in place of that, how right the tracks and the bounds of N simulated
 * patients are, registered with errors drawn from their covariance; with `--images` by their images, seconds each.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '3' },
    deformable: { type: 'boolean', default: false },
    patients: { type: 'string' },
    images: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
if (values.patients !== undefined) {
  const patients = Number(values.patients);
  console.log(JSON.stringify(values.images ? await coverageRegistered(patients, seed) : coverageOver(patients, seed), null, 1));
} else for (const line of followUpTable(await runFollowUp({ seed, deformable: values.deformable }))) console.log(line);
