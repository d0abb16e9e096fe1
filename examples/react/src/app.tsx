import type { Status } from '@trocar/core';
import { type Layout, primaryLayout, quadLayout } from '@trocar/core/render';
import { CT_WINDOWS } from '@trocar/core/volume';
import { type ReactNode, useState } from 'react';
import { CT, type Simulation } from './simulation.js';
import { StageView } from './stage-view.tsx';
import { useReading } from './use-reading.js';

const WINDOWS = { 'Soft tissue': CT_WINDOWS.softTissue, Brain: CT_WINDOWS.brain, Bone: CT_WINDOWS.bone } as const;
const LAYOUTS: Readonly<Record<string, Layout>> = {
  'Four views': quadLayout(),
  'Axial large': primaryLayout('axial'),
  '3D large': primaryLayout('3d'),
};

const STATUS_WORDS: Readonly<Record<Status, string>> = {
  ok: 'Tracked',
  predicted: 'Predicted',
  unknown: 'Unknown',
  outOfVolume: 'Out of volume',
  stale: 'Not updated',
  missing: 'Not visible',
  disconnected: 'Disconnected',
};

/** React around the stage: what is shown, where the tip is, and whether that is true now. */
export function App({ simulation }: { readonly simulation: Simulation }): ReactNode {
  const [window, setWindow] = useState<keyof typeof WINDOWS>('Soft tissue');
  const [layout, setLayout] = useState('Four views');
  const [open, setOpen] = useState(true);
  const [covered, setCovered] = useState(simulation.covered);

  function cover(): void {
    simulation.covered = !covered;
    setCovered(!covered);
  }

  return (
    <main className="app">
      <div className="bar">
        <Choice label="Window" value={window} options={WINDOWS} onChoose={setWindow} />
        <Choice label="Views" value={layout} options={LAYOUTS} onChoose={setLayout} />
        <button type="button" aria-pressed={covered} onClick={cover}>
          Cover the stylus
        </button>
        <button type="button" aria-pressed={open} onClick={() => setOpen(!open)}>
          Show the views
        </button>
      </div>
      <TipReading simulation={simulation} />
      <div className="views">
        {open ? (
          <StageView
            frame={CT}
            volume={simulation.phantom.volume}
            window={WINDOWS[window]}
            layout={LAYOUTS[layout]}
            tool={simulation.tool}
            follow
          />
        ) : (
          <p className="closed">The views are closed.</p>
        )}
      </div>
    </main>
  );
}

/** On its own, so that only these words are rendered anew when the tip moves. */
function TipReading({ simulation }: { readonly simulation: Simulation }): ReactNode {
  const { status, live, position } = useReading(simulation.tool);
  return (
    <output className="reading" data-status={status} data-live={live}>
      <b>{STATUS_WORDS[status]}</b>
      <span>L {position[0]}</span>
      <span>P {position[1]}</span>
      <span>S {position[2]}</span>
    </output>
  );
}

interface ChoiceProps<K extends string> {
  readonly label: string;
  readonly value: K;
  readonly options: Readonly<Record<K, unknown>>;
  readonly onChoose: (key: K) => void;
}

function Choice<K extends string>({ label, value, options, onChoose }: ChoiceProps<K>): ReactNode {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChoose(event.target.value as K)}>
        {Object.keys(options).map((key) => (
          <option key={key}>{key}</option>
        ))}
      </select>
    </label>
  );
}
