import type { NavErrorCode, PoseBuffer, PoseSample } from '@trocar/core';
import type { ImageFrame, ImageSource } from '@trocar/core/recording';

/** A tool as a driver knows it. Its place in the driver's list is its number, and stays so while the driver runs. */
export interface ToolInfo {
  /** Unique within the driver; what a client attaches to. */
  readonly name: string;
  readonly manufacturer?: string;
  readonly partNumber?: string;
  readonly serial?: string;
}

/** Whether the device is there. */
export type ConnectionState = 'connecting' | 'connected' | 'disconnected';

/** Something a person or a log should know, at a low rate. */
export interface DriverFault {
  readonly code: NavErrorCode;
  readonly message: string;
}

/** Where a driver's poses and facts go: a bridge, a recorder, or pose buffers. */
export interface PoseSink {
  /** The tools, whenever the list grows. Tools are never removed: one that leaves becomes `disconnected`. */
  tools(list: readonly ToolInfo[]): void;
  /**
   * One pose of tool number `tool`. `disconnected` and `missing` are told this way too, with no pose.
   * @param sample reused by the driver: copy what is to be kept
   * @param frameNumber the device's own counter, 0 … 2³² − 1; 0 where it has none
   */
  pose(tool: number, sample: PoseSample, frameNumber: number): void;
  /** All poses that arrived together have been told. */
  flush(): void;
  /** The device came or went. When it goes, every tool is to be taken for `disconnected` at once. */
  connection(state: ConnectionState, reason: string): void;
  /** Bad bytes, refused tools, device alarms: never thrown, because tracking goes on. */
  fault(fault: DriverFault): void;
  /** The sources of images, whenever the list grows. Absent where nobody takes images. */
  images?(list: readonly ImageSource[]): void;
  /**
   * One image of source number `source`, at once: images do not wait for {@link flush}.
   * @param frame its pixels are valid until the call returns: copy what is to be kept
   */
  image?(source: number, frame: ImageFrame): void;
}

/** A tracker: a codec and a transport behind one shape. A new device is a new value of this type. */
export interface Driver {
  readonly name: string;
  /**
   * Connects and tracks until {@link stop}. Resolves when the first connection tracks; later losses are told to the
   * sink and mended in the background.
   * @throws NavError the first connection's failure, as `device/connect-failed`, `device/timeout`, `device/refused`
   */
  start(sink: PoseSink): Promise<void>;
  /** Stops tracking and lets the device go. Stopping twice does nothing more. */
  stop(): Promise<void>;
}

/**
 * A sink that fills pose buffers in the same process, by tool name; tools without a buffer are not kept.
 * The buffers are `disconnected` while the device is.
 */
export function poseBufferSink(
  buffers: Readonly<Record<string, PoseBuffer>>,
  onFault: (fault: DriverFault) => void = () => undefined,
): PoseSink {
  let byTool: Array<PoseBuffer | undefined> = [];
  const all = Object.values(buffers);
  for (const buffer of all) buffer.connected = false;
  return {
    tools: (list) => {
      byTool = list.map((tool) => buffers[tool.name]);
    },
    pose: (tool, sample) => byTool[tool]?.push(sample),
    flush: () => undefined,
    connection: (state) => {
      for (const buffer of all) buffer.connected = state === 'connected';
    },
    fault: onFault,
  };
}
