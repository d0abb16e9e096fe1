import type { ShellPlan } from '../../suite/page/shell.js';

/** The steps of the procedure, in order. */
export type Step = 'load' | 'plan' | 'images' | 'calibrate' | 'register' | 'review' | 'navigate';
/** The numbers of the panel. */
export type NumberName = 'distance' | 'angle' | 'age' | 'tipError' | 'targetError';

/** What the page of this procedure is built of. */
export const SHELL: ShellPlan<Step, NumberName> = {
  notice: () => 'Simulated tracker · not for clinical use',
  notes: ['images', 'stylus', 'session'],
  steps: [
    { id: 'load', label: () => 'Image' },
    { id: 'plan', label: () => 'Plan' },
    { id: 'images', label: () => 'Fusion' },
    { id: 'calibrate', label: () => 'Stylus' },
    { id: 'register', label: () => 'Register' },
    { id: 'review', label: () => 'Review' },
    { id: 'navigate', label: () => 'Navigate', guided: true },
  ],
  numbers: [
    { id: 'distance', label: () => 'Distance to target', main: true },
    { id: 'angle', label: () => 'Angle' },
    { id: 'age', label: () => 'Age of pose' },
    { id: 'tipError', label: () => 'Tip error, 95 %' },
    { id: 'targetError', label: () => 'Target error, 95 %' },
  ],
  guide: { lateral: () => 'Off the line', depth: () => 'Depth left', avoid: () => 'Keep clear of' },
};
