import { NavError } from '../../base/index.js';
import type { Stage } from '../stage.js';
import { xrHostOf } from './host.js';
import { XrStage } from './xr-stage.js';

/** In a room with the things in it, or without. */
export type XrMode = 'immersive-ar' | 'immersive-vr';

/** What {@link startXr} is told. */
export interface XrOptions {
  readonly mode: XrMode;
  /** Which coordinates the headset keeps. Default `local-floor`: y is 0 on the floor. */
  readonly referenceSpace?: 'local' | 'local-floor' | 'unbounded';
  /** Features of the WebXR Device API that the application needs beside. */
  readonly requiredFeatures?: readonly string[];
  /** Features that it uses where they are there: `hand-tracking`, `dom-overlay`, `anchors`. */
  readonly optionalFeatures?: readonly string[];
  /** What a phone lays over its picture, with the feature `dom-overlay`. */
  readonly domOverlay?: Element;
}

/** Whether this browser, with what is connected to it, can show a stage so. */
export async function xrSupported(mode: XrMode): Promise<boolean> {
  // A browser that forbids asking has no headset either.
  return (await globalThis.navigator?.xr?.isSessionSupported(mode).catch(() => false)) ?? false;
}

/**
 * Shows a stage in a headset or through a phone. Call it from a click: browsers ask for one.
 *
 * Nothing of the patient is drawn yet: {@link XrStage.place} or {@link XrStage.placeTableTop} says where it stands.
 * @throws NavError `render/disposed`; `render/no-xr` where the browser gives no session, with its own words: no such device, a
 * feature that is missing, not from a click, not over HTTPS, another session that runs
 */
export async function startXr<F extends string>(stage: Stage<F>, options: XrOptions): Promise<XrStage<F>> {
  const host = xrHostOf(stage);
  const system = globalThis.navigator?.xr;
  if (system === undefined) {
    throw new NavError(
      'render/no-xr',
      'This browser has no WebXR: use one that has, over HTTPS. xrSupported() tells beforehand.',
    );
  }
  const { mode, referenceSpace = 'local-floor', requiredFeatures = [], optionalFeatures = [], domOverlay } = options;
  const session = await system
    .requestSession(mode, {
      requiredFeatures: [referenceSpace, ...requiredFeatures],
      optionalFeatures: [...optionalFeatures],
      ...(domOverlay && { domOverlay: { root: domOverlay } }),
    })
    .catch((cause: unknown) => {
      const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new NavError('render/no-xr', `The browser gives no ${mode} session (${said}). xrSupported() tells beforehand.`, {
        cause,
      });
    });
  const { xr } = host.renderer;
  try {
    xr.enabled = true;
    xr.setReferenceSpaceType(referenceSpace);
    host.hold(true);
    await xr.setSession(session);
    // The stage may have been disposed while the browser made up its mind.
    xrHostOf(stage);
    return new XrStage(stage.frame, host, session);
  } catch (error) {
    await session.end().catch(() => {});
    xr.enabled = false;
    if (!host.ended.aborted) host.hold(false);
    throw error;
  }
}
