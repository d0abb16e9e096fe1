export { type Clock, type Instant, systemClock } from './clock.js';
export { ClockMap, type ClockMapOptions } from './clock-map.js';
export { RoundTrip, type RoundTripOptions } from './round-trip.js';
