/** What `--help` prints. */
export const USAGE = `trocar-register: registrations and calibrations, each with what may be expected of it.

  trocar-register points --fixed A --moving B [--targets T]     paired points

Every command:
  --json             one object on standard output, and nothing else there
  --help, --version

points
  --fixed A, --moving B      points: CSV (label,x,y,z[,sd]), JSON, 3D Slicer .fcsv and .mrk.json, MNI .tag, or a mesh's vertices.
                             A file with two lists (.tag of two volumes) may stand for both sides.
  --targets T                where the expected error is asked, in the fixed space (or: --targets-in moving)
  --match HOW                label, order or unknown. Default: labels where both sides share them, else order
  --robust none|tukey        tukey leaves out pairs that disagree with the rest. Default none: they are findings
  --fle MM                   known localisation error, rms length of a pair's error. Default: sd columns, else estimated
  --target-fle MM            localisation error of the targets themselves
  --weights LIST             1,1,0.5 for all pairs, or F-3=0,F-4=0.5 for some; 0 leaves one out
  --allow scale,half-turn    what would be refused as a usual mistake, but is meant here

Axes: files say LPS or RAS themselves; RAS is converted, and a note says so. --space, or --fixed-space, --moving-space and
--targets-space (LPS or RAS) say it for files that do not. --fixed-list, --moving-list: which list of a file with several.

  --out FILE                 .tfm, .txt, .h5 or .mat for ITK and 3D Slicer: the map from fixed to moving, the inverse of
                             fixedFromMoving. Only an outcome of ok is written; --force writes others too

Exit code: 0 the outcome is ok, 1 it is ambiguous, failed or refused, 2 wrong usage.`;
