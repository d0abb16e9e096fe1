/**
 * Where a procedure stands.
 *
 * - `plan`: entries are looked for, probes proposed; a person accepts for the side confirmed at the patient.
 * - `connect`: until every tool has been seen. `calibrate`: stylus and applicator.
 * - `breathe`: until the gate has found breathing in the reference's motion.
 * - `collect`, `review`: fiducials are touched while the gate is open; a person accepts the registration.
 * - `verify`: landmarks that it was not made from are touched.
 * - `guide`: the applicator is led to a planned tip. `burn`: it burns. `assess`: what was burnt, as tracked.
 * - `confirm`: on a CT afterwards. `finished`.
 */
export type Stage =
  | 'plan'
  | 'connect'
  | 'calibrate'
  | 'breathe'
  | 'collect'
  | 'review'
  | 'verify'
  | 'guide'
  | 'burn'
  | 'assess'
  | 'confirm'
  | 'finished';
