import type { Clock } from '@trocar/core';
import { SenderClock, unpacked } from '../src/frame-bytes.js';
import type { LiveFrame, LiveImages } from '../src/live-images.js';

/** Asks so often for pictures, ms. */
const EVERY_MS = 70;
/** A picture whose moment is known less well is not taken: at 25 mm/s its place would be off by a millimetre, ms. */
const KNOWN_WITHIN_MS = 40;

/**
 * Live pictures from the page's own server, asked for one answer after the other: a slow answer delays the next question, never piles up.
 * Every answer has the last pictures again, so that a page that was busy misses none.
 */
export function pollImages(clock: Clock): LiveImages {
  return {
    subscribe(take: (frame: LiveFrame) => void) {
      const sender = new SenderClock();
      let running = true;
      let newest = Number.NEGATIVE_INFINITY;
      const ask = async (): Promise<void> => {
        const asked = clock.now();
        try {
          const response = await fetch('/bytes/image');
          const got = clock.now();
          const answer = response.ok ? unpacked(new Uint8Array(await response.arrayBuffer())) : undefined;
          if (answer !== undefined && running) {
            sender.heard(asked, got, answer.sentAtMs);
            if (sender.boundMs < 0) sender.forget();
            for (const frame of sender.boundMs <= KNOWN_WITHIN_MS ? answer.frames : []) {
              if (frame.number <= newest) continue;
              newest = frame.number;
              take({ ...frame, atMs: frame.atMs + sender.offsetMs });
            }
          }
        } catch {
          // No answer is no picture: the image grows old, and says so.
        }
        if (running) setTimeout(() => void ask(), EVERY_MS);
      };
      void ask();
      return () => {
        running = false;
      };
    },
  };
}
