import type { Frame } from '@trocar/core';
import { createStage, type Layout, type Stage } from '@trocar/core/render';
import type { Volume, WindowLevel } from '@trocar/core/volume';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { StageTool } from './pose-source.js';

/** What {@link StageView} shows. Whatever is left out is not shown, or stays as the stage begins. */
export interface StageViewProps<F extends string> {
  /** The frame of everything in it. Another frame is another stage. */
  readonly frame: Frame<F>;
  readonly volume?: Volume<F> | undefined;
  /** In the volume's rescaled units, HU for CT. */
  readonly window?: WindowLevel | undefined;
  readonly layout?: Layout | undefined;
  readonly tool?: StageTool<F> | undefined;
  /** Whether the slices go with the tool's tip. */
  readonly follow?: boolean | undefined;
}

/**
 * A stage of `@trocar/core/render` as a component that fills its parent.
 *
 * React makes it, changes what it shows, and takes it away; the frames in between are the stage's own, and render nothing of
 * React. Safe in strict mode, where every effect runs twice. What `createStage` throws, an error boundary above gets.
 */
export function StageView<F extends string>(props: StageViewProps<F>): ReactNode {
  return <MountedStage key={props.frame.name} {...props} />;
}

function MountedStage<F extends string>({ frame, volume, window, layout, tool, follow }: StageViewProps<F>): ReactNode {
  const container = useRef<HTMLDivElement>(null);
  const { stage, lost } = useStage(container, frame);

  useEffect(() => stage?.setVolume(volume), [stage, volume]);
  // After the volume, which brings a window of its own.
  useEffect(() => {
    if (volume !== undefined && window !== undefined) stage?.setWindow(window);
  }, [stage, volume, window]);
  useEffect(() => {
    if (layout !== undefined) stage?.setLayout(layout);
  }, [stage, layout]);
  useTool(stage, tool, follow ?? false);

  return (
    <div ref={container} className="stage">
      {lost && (
        <p className="notice" role="alert">
          The picture is out of date: the graphics processor was lost.
        </p>
      )}
    </div>
  );
}

/** A stage in an element, from when it is mounted until it is not; its frame stays as first given. */
function useStage<F extends string>(
  container: { readonly current: HTMLDivElement | null },
  frame: Frame<F>,
): { readonly stage: Stage<F> | undefined; readonly lost: boolean } {
  const [stage, setStage] = useState<Stage<F>>();
  const [lost, setLost] = useState(false);
  const [failure, setFailure] = useState<{ readonly error: unknown }>();
  useEffect(() => {
    if (container.current === null) return;
    try {
      const made = createStage(container.current, { frame });
      made.contextLost.subscribe(() => setLost(true));
      made.contextRestored.subscribe(() => setLost(false));
      setStage(made);
      return () => made.dispose();
    } catch (error) {
      setFailure({ error });
      return;
    }
  }, [container, frame]);
  // Thrown while rendering, where error boundaries look.
  if (failure !== undefined) throw failure.error;
  return { stage, lost };
}

/** Puts a tool on the stage and draws: its pose is read last thing before every frame. */
function useTool<F extends string>(stage: Stage<F> | undefined, tool: StageTool<F> | undefined, follow: boolean): void {
  useEffect(() => {
    if (stage === undefined) return;
    const drawn = tool && stage.addTool(tool);
    if (follow) stage.follow(drawn);
    stage.start((at) => {
      if (tool !== undefined) drawn?.update(tool.read(at));
    });
    return () => {
      stage.stop();
      drawn?.remove();
    };
  }, [stage, tool, follow]);
}
