import type { Kernel } from '../intensity/kernels/kernel.js';
import { borrowKernel, returnKernel } from '../intensity/kernels/wasm.js';
import { Workshop } from '../intensity/workshop.js';
import type { Port } from './messages.js';

/** Does the tasks that come through a port, one after the other, for as long as the worker lives. */
export function serve(port: Port): void {
  let workshop: Workshop | undefined;
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
      kernel = borrowKernel(message.module);
      workshop = new Workshop(kernel);
    } else if (message.kind === 'level') workshop?.supply(message.level, message.data);
    else {
      const { job, index, task } = message;
      try {
        port.post({ job, index, reached: (workshop as Workshop).do(task) });
      } catch (error) {
        port.post({ job, index, failed: error instanceof Error ? error.message : String(error) });
      }
    }
  });
}
