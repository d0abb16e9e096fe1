import type { Driver } from '../driver.js';
import type { DriverUnderTest } from '../testing/index.js';

/** A pretended device that sends by itself. */
export interface PretendedDevice {
  /** Whether its measurement stands still. */
  frozen: boolean;
  /** Whether its numbers are none. */
  spoilt: boolean;
  close(): Promise<void> | void;
}

/** A driver and a pretended device, as the suite of checks handles them. */
export function underTest(driver: Driver, device: PretendedDevice): DriverUnderTest {
  return {
    driver,
    freeze: () => {
      device.frozen = true;
    },
    spoil: () => {
      device.spoilt = true;
    },
    heal: () => {
      device.frozen = false;
      device.spoilt = false;
    },
    close: () => device.close(),
  };
}
