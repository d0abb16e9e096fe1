import type { Clock } from '@trocar/core';
import { unpacked } from '../src/frame-bytes.js';
import type { LiveFrame, LiveImages } from '../src/live-images.js';

/** Asks so often for a picture, ms. */
const EVERY_MS = 70;

/** Live pictures from the page's own server, asked for one after the other: a slow answer delays the next question, never piles up. */
export function pollImages(clock: Clock): LiveImages {
  return {
    subscribe(take: (frame: LiveFrame) => void) {
      let running = true;
      const ask = async (): Promise<void> => {
        const asked = clock.now();
        try {
          const response = await fetch('/bytes/image');
          const bytes = new Uint8Array(await response.arrayBuffer());
          const frame = response.ok ? unpacked(bytes, asked, clock.now()) : undefined;
          if (frame !== undefined && running) take(frame);
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
