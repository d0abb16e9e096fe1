import type { ShellPlan } from '../../suite/page/shell.js';

/** The steps of the procedure, in order. */
export type Step = 'import' | 'calibrate' | 'sweep' | 'register' | 'verify' | 'biopsy' | 'finished';
/** The numbers of the panel. */
export type NumberName = 'probability' | 'beside' | 'depth' | 'stop' | 'error' | 'drift' | 'age';

/** What the page of this procedure is built of. */
export const SHELL: ShellPlan<Step, NumberName> = {
  canvasLabel: () => 'MR slices and 3D view: arrow keys and page keys move the crosshair',
  notice: () => 'Simulated patient and scanner · not for clinical use',
  notes: ['basis', 'session'],
  steps: [
    { id: 'import', label: () => 'Images' },
    { id: 'calibrate', label: () => 'Probe' },
    { id: 'sweep', label: () => 'Sweep' },
    { id: 'register', label: () => 'Register' },
    { id: 'verify', label: () => 'Verify' },
    { id: 'biopsy', label: () => 'Biopsy', guided: true },
    { id: 'finished', label: () => 'Report' },
  ],
  numbers: [
    { id: 'probability', label: () => 'Would sample the target now', main: true },
    { id: 'beside', label: () => 'Beside the target' },
    { id: 'depth', label: () => 'Depth to target' },
    { id: 'stop', label: () => 'Set depth stop' },
    { id: 'error', label: () => 'Core error, 95 %' },
    { id: 'drift', label: () => 'Gland since sweep' },
    { id: 'age', label: () => 'Image age' },
  ],
};
