import type { DeviceRecorder } from '@trocar/core/recording';
import type { PoseSink } from '../../driver.js';

/**
 * A sink that hands everything on and records it: between a driver and where its poses go. The sink comes first, so that
 * a recording delays no pose; the recorder neither throws nor waits, and allocates nothing for a pose.
 *
 * What goes wrong with the recording itself (`recording/disk-full`, `recording/write-failed`, `recording/overflow`) is
 * told to the sink once, as a fault, and tracking goes on.
 */
export function recordingSink(device: DeviceRecorder, sink: PoseSink): PoseSink {
  device.faults.subscribe((fault) => sink.fault(fault));
  return {
    tools: (list) => {
      sink.tools(list);
      device.tools(list);
    },
    pose: (tool, sample, frameNumber) => {
      sink.pose(tool, sample, frameNumber);
      device.pose(tool, sample, frameNumber);
    },
    flush: () => {
      sink.flush();
      device.flush();
    },
    connection: (state, reason) => {
      sink.connection(state, reason);
      device.connection(state, reason);
    },
    fault: (fault) => {
      sink.fault(fault);
      device.fault(fault);
    },
    images: (list) => {
      sink.images?.(list);
      device.images(list);
    },
    image: (source, frame) => {
      sink.image?.(source, frame);
      device.image(source, frame);
    },
  };
}
