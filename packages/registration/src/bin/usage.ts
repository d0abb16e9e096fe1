/** What `--help` prints. */
export const USAGE = `trocar-register: registrations and calibrations, each with what may be expected of it.

  trocar-register points   --fixed A --moving B [--targets T]         paired points
  trocar-register surface  --fixed MESH --moving CLOUD [--targets T]  touched points to a surface
  trocar-register image    --fixed F --moving M[,M2] [--targets T]    volumes by what they show
  trocar-register pivot    --poses P [--tool NAME]                    the tip of a tool turned about it
  trocar-register spin     --poses P [--pivot FILE]                   the direction of a shaft turned about itself
  trocar-register hand-eye --hand A --eye B [--world]                 where a camera or marker sits in a hand
  trocar-register probe    --sequence S --config C [--validation S2]  where the images of a tracked ultrasound probe lie
  trocar-register temporal --video V --tracker T                      how much later a tracker tells than a video shows

Every command:
  --json                one object on standard output, and nothing else there
  --seed N              of what is drawn at random (default 1)
  --help, --version

points
  --fixed A, --moving B      points: CSV (label,x,y,z[,sd]), JSON, 3D Slicer .fcsv and .mrk.json, MNI .tag, or a mesh's vertices.
                             A file with two lists (.tag of two volumes) may stand for both sides
  --match HOW                label, order, or unknown (by distances). Default: labels where both sides share them, else order
  --model NAME               rigid (default), similarity or affine
  --robust none|tukey        tukey leaves out pairs that disagree with the rest. Default none: they are findings
  --fle MM                   known localisation error, rms length of a pair's error. Default: sd columns, else estimated
  --weights LIST             1,1,0.5 for all pairs, or F-3=0,F-4=0.5 for some; 0 leaves one out
  --allow scale,half-turn    what would be refused as a usual mistake, but is meant here

surface
  --fixed F                  mesh: STL, PLY, legacy VTK, OBJ or OFF; or with --level a volume (DICOM, NIfTI, NRRD, MetaImage)
  --level HU                 value at which the volume's surface is taken; --inside below where the body is the darker side
  --moving CLOUD             points as above
  --initial T                pose to start at: an ITK file (fixed to moving), or this command's JSON. Without one the whole
                             surface is searched; --search does so beside a start
  --sigma MM                 known error of a point along one axis. Default: sd columns, else estimated
  --max-sigma MM             a larger one is no registration
  --method NAME              point-to-plane (default) or symmetric
  --allow half-turn          the patient was truly turned over: it is not RAS for LPS

image
  --fixed F, --moving M      volumes: DICOM folder, NIfTI, NRRD or MetaImage. M,M2: several of one patient's coordinates, to ultrasound
  --metric NAME              auto (default: lc2 where one is ultrasound, else mi), mi, nmi, lc2, mind (to ultrasound,
                             and deformations) or elastix
  --fixed-is-ultrasound, --moving-is-ultrasound   for files that do not say
  --transform NAME           rigid (default), similarity, affine or bspline (from a rigid result)
  --initial T                where to start, as above, or: centres. mi and nmi search everywhere all the same, unless told not to:
  --search-mm, --search-deg  how far the start may be off. lc2, mind: default 10 and 10, at most 50 and 45
  --fixed-mask, --moving-mask   volumes: only where they are above 0 counts
  --fixed-series, --moving-series UID   which series of a DICOM folder with several
  --threads N                workers of mi, nmi, lc2 and mind; the result does not depend on it. Default: cores, at most 8
  --resampled R              .nii.gz, .nii, .nrrd or .mha: the moving image on the fixed image's grid

points, surface and image
  --targets T                points where the expected error is asked, in the fixed space (or: --targets-in moving)
  --target-fle MM            localisation error of the targets themselves
  --space LPS|RAS            for files that do not say; --fixed-space, --moving-space, --targets-space for one of them
  --fixed-list, --moving-list, --targets-list NAME   which list of a file with several
  --out FILE                 .tfm, .txt, .h5 or .mat for ITK and 3D Slicer: the map from fixed to moving, the inverse of
                             fixedFromMoving. Only an outcome of ok is written; --force writes others too

pivot, spin, hand-eye
  --poses P                  CSV (t_ms,x,y,z,qx,qy,qz,qw[,status]), a tracked sequence (.igs.mha) or a recording (.mcap)
  --tool NAME                which tool: Stylus is StylusToTracker as well
  --reference NAME           pivot and spin in that tool's frame instead of the tracker's
  --robust none|huber        default huber: poses that disagree are left out (hand-eye: none|tukey)
  --max-rms MM, --max-tip95 MM   pivot: larger ones are findings
  --pivot FILE, --tip X,Y,Z  spin: what "pivot --json" printed, or the tip, so that the axis points to it
  --hand A, --eye B          hand in its base; target in the eye, or with --world the eye in the tracker's world
  --hand-tool, --eye-tool    which tool of each; --invert-hand, --invert-eye where a file has its poses the other way round
  --pair order|time          how hand and eye go together; --offset-ms N|auto reads the hand so much later
  --unit mm|m, --time-unit ms|s   of the files; --accept-unknown takes poses of status unknown; --device of a recording

probe
  --sequence S               tracked images of an N-wire phantom: .igs.mha, .mha, .igs.nrrd, .nrrd
  --config C                 PLUS device set (XML) or a set-up in JSON: phantom, its registration, frames, how dots are looked for
  --validation S2            a second recording that the result is checked by; it changes nothing
  --limit MM                 the most that its wires may be off on average; more is the finding wires-elsewhere
  --lag HOW                  estimate (default), zero, or so many ms; --most-lag MS: looked for within this (default 1000)
  --linear                   also the closed-form solution at a lag of 0, as PLUS has it
  --phantom FILE             the phantom's wires from another set-up; --pixel-mm MM: about how large a pixel is
  --out FILE                 the same JSON, which "trocar-volume reconstruct --calibration" reads

temporal
  --video V, --tracker T     sequences; both may be one file. A bright line in the images, such as a tank's bottom, moves with the probe
  --config C                 frames and clip from a set-up; --clip LEFT,TOP,WIDTH,HEIGHT in pixels
  --probe NAME, --reference NAME   whose pose, in what (default Probe, and Reference or Tracker)
  --most-lag MS              looked for within this to either side (default 500)

Exit code: 0 the outcome is ok, 1 it is ambiguous, failed or refused, 2 wrong usage.`;
