import type { Kernel } from '../intensity/kernels/kernel.js';
import { borrowKernel, returnKernel } from '../intensity/kernels/wasm.js';
import { Lc2Workshop } from '../intensity/ultrasound/workshop.js';
import { Workshop } from '../intensity/workshop.js';
import type { Craft, Crafts, Port } from './messages.js';

/** A worker's hands: of one craft at a time, which the messages agree on. */
interface AnyWorkshop {
  supply(level: number, data: Crafts[Craft]['data']): void;
  do(task: Crafts[Craft]['task']): Crafts[Craft]['answer'];
}

/** Does the tasks that come through a port, one after the other, for as long as the worker lives. */
export function serve(port: Port): void {
  let workshop: AnyWorkshop | undefined;
  let kernel: Kernel | undefined;
  const leave = (): void => {
    workshop = undefined;
    if (kernel !== undefined) returnKernel(kernel);
    kernel = undefined;
  };
  port.listen((message) => {
    if (message.kind === 'forget') leave();
    else if (message.kind === 'begin') {
      leave();
      if (message.craft === 'volumes') {
        kernel = borrowKernel(message.module);
        workshop = new Workshop(kernel) as AnyWorkshop;
      } else workshop = new Lc2Workshop(message.module) as AnyWorkshop;
    } else if (message.kind === 'level') workshop?.supply(message.level, message.data);
    else {
      const { job, index, task } = message;
      try {
        port.post({ job, index, answer: (workshop as AnyWorkshop).do(task) });
      } catch (error) {
        port.post({ job, index, failed: error instanceof Error ? error.message : String(error) });
      }
    }
  });
}
