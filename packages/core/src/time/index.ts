export { type Clock, type Instant, systemClock } from './clock.js';
