import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { Simulation } from './simulation.js';

// Outside React: a procedure outlives every rendering of the page that shows it.
const simulation = new Simulation();
simulation.start();

createRoot(document.querySelector('#root') as HTMLElement).render(
  <StrictMode>
    <ErrorBoundary>
      <App simulation={simulation} />
    </ErrorBoundary>
  </StrictMode>,
);
