import type { RosToolOptions } from '../drivers/rosbridge/index.js';

/** A tool of an NDI tracker. */
export interface NdiToolConfig {
  readonly name: string;
  /** Definition file (.rom) of a passive or active wireless tool. */
  readonly file?: string;
  readonly serial?: string;
  readonly partNumber?: string;
}

/** An NDI tracker, on a serial port or the network. */
export interface NdiConfig {
  readonly type: 'ndi';
  readonly name?: string;
  readonly serial?: string;
  /** `host` or `host:port`. */
  readonly tcp?: string;
  readonly baud?: number;
  readonly tools?: readonly NdiToolConfig[];
}

/** A simulated NDI tracker: its tools go round slowly. */
export interface SimulateConfig {
  readonly type: 'simulate';
  readonly name?: string;
  readonly tools?: readonly string[];
  readonly rateHz?: number;
}

/** A simulated ultrasound machine with a tracked probe that sweeps over a scene. */
interface SimulatedUltrasoundConfig {
  readonly type: 'simulated-ultrasound';
  readonly name?: string;
  readonly probe?: string;
  readonly source?: string;
  readonly width?: number;
  readonly height?: number;
  readonly depthMm?: number;
  readonly imageHz?: number;
  readonly poseHz?: number;
  readonly lagMs?: number;
}

/** An OpenIGTLink server. */
export interface IgtlConfig {
  readonly type: 'igtl';
  readonly name?: string;
  /** `host` or `host:port`. */
  readonly tcp: string;
  readonly tools?: ReadonlyArray<{ readonly name?: string; readonly device: string }>;
  readonly otherTools?: boolean;
  readonly ask?: { readonly type: 'TDATA' | 'QTDATA'; readonly intervalMs?: number; readonly coordinateName?: string };
  readonly headerVersion?: 1 | 2;
  readonly withoutStatus?: 'unknown' | 'ok';
  readonly silentMs?: number;
  readonly onSilence?: 'reconnect' | 'stale';
  readonly keepAliveMs?: number;
  readonly images?: boolean;
}

/** Where datagrams come from. */
export interface UdpConfig {
  readonly port: number;
  readonly host?: string;
  /** `host:port` of the device. */
  readonly remote?: string;
  readonly multicast?: string;
}

/** An ART system that runs DTrack. */
export interface DTrackConfig {
  readonly type: 'dtrack';
  readonly name?: string;
  readonly udp: UdpConfig;
  readonly tools: ReadonlyArray<{
    readonly name: string;
    readonly id: number;
    readonly kind?: 'body' | 'flystick' | 'measurementTool' | 'reference';
  }>;
  readonly otherTools?: boolean;
  /** `host` or `host:port` of its command connection. */
  readonly control?: string;
}

/** OptiTrack's Motive, or another NatNet server. */
export interface NatNetConfig {
  readonly type: 'natnet';
  readonly name?: string;
  /** `host` or `host:port` of the server's command port. */
  readonly server: string;
  /** Local address, that of the network which the server is on. */
  readonly host?: string;
  /** The group that the server multicasts to; without it frames are awaited by unicast. */
  readonly multicast?: string;
  readonly dataPort?: number;
  readonly tools: ReadonlyArray<{ readonly name: string; readonly id?: number; readonly model?: string }>;
  readonly otherTools?: boolean;
}

/** A device that sends lines of text. */
export interface LineConfig {
  readonly type: 'line';
  readonly name?: string;
  /** Exactly one of these three. */
  readonly serial?: string;
  readonly tcp?: string;
  readonly udp?: UdpConfig;
  readonly baud?: number;
  readonly tools: ReadonlyArray<{ readonly name: string; readonly key?: string }>;
  /** Exactly one of these three. */
  readonly pattern?: string;
  readonly csv?: readonly string[];
  readonly keys?: ReadonlyArray<{ readonly key: string; readonly field: string }>;
  readonly length?: 'mm' | 'cm' | 'm' | 'inch';
  readonly angle?: 'rad' | 'deg';
  readonly lineMeans?: 'ok' | 'unknown';
  readonly checksum?: 'none' | 'nmea';
  readonly onOpen?: readonly string[];
  readonly frozenAfterMs?: number;
}

/** A robot, or anything else that publishes on ROS, through rosbridge. */
export interface RosbridgeConfig {
  readonly type: 'rosbridge';
  readonly name?: string;
  /** `ws://robot:9090` */
  readonly url: string;
  readonly tools: readonly RosToolOptions[];
  readonly throttleMs?: number;
  readonly messageMeans?: 'ok' | 'unknown';
  readonly frozenAfterMs?: number;
}

/** A device in a configuration. */
export type DeviceConfig =
  | NdiConfig
  | SimulateConfig
  | SimulatedUltrasoundConfig
  | IgtlConfig
  | DTrackConfig
  | NatNetConfig
  | RosbridgeConfig
  | LineConfig;
