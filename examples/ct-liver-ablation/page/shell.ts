import type { ShellPlan } from '../../suite/page/shell.js';
import type { Stage } from '../src/stages.js';

/** The steps as the bar names them. */
export type Step = 'plan' | 'tools' | 'register' | 'verify' | 'guide' | 'ablate' | 'confirm' | 'report';
/** The numbers of the panel. */
export type NumberName = 'distance' | 'angle' | 'age' | 'tipError' | 'room';

/** What the page of this procedure is built of. */
export const SHELL: ShellPlan<Step, NumberName> = {
  notice: 'Simulated tracker, patient and generator · not for clinical use',
  notes: ['tools-note', 'session'],
  steps: [
    { id: 'plan', label: 'Plan' },
    { id: 'tools', label: 'Tools' },
    { id: 'register', label: 'Register' },
    { id: 'verify', label: 'Verify' },
    { id: 'guide', label: 'Guide', guided: true },
    { id: 'ablate', label: 'Ablate', guided: true },
    { id: 'confirm', label: 'Confirm' },
    { id: 'report', label: 'Report' },
  ],
  numbers: [
    { id: 'distance', label: 'Tip to planned tip', main: true },
    { id: 'tipError', label: 'Tip error, 95 %' },
    { id: 'room', label: 'Least room' },
    { id: 'angle', label: 'Angle' },
    { id: 'age', label: 'Age of pose' },
  ],
  guide: { lateral: 'Off the line', depth: 'Depth left', avoid: 'Keep clear of' },
};

/** Which step of the bar a stage belongs to. */
export const STEP_OF: Readonly<Record<Stage, Step>> = {
  plan: 'plan',
  connect: 'tools',
  calibrate: 'tools',
  breathe: 'register',
  collect: 'register',
  review: 'register',
  verify: 'verify',
  guide: 'guide',
  burn: 'ablate',
  assess: 'ablate',
  confirm: 'confirm',
  finished: 'report',
};
