/** Clicks and taps on the picture. */

import type { Command } from "./keys";

const DOUBLE_TAP_MS = 300;

export interface GestureTargets {
  surface: HTMLElement;
  run: (command: Command) => void;
  /** A finger cannot hover: a tap shows or hides the controls. */
  toggleControls: () => void;
}

/** A click plays or pauses, a double click fills the screen; a double tap jumps 10 seconds. */
export function listenToGestures({ surface, run, toggleControls }: GestureTargets): void {
  let lastTap = 0;
  surface.addEventListener("pointerup", (event) => {
    if (event.button !== 0) return;
    if (event.pointerType === "mouse") return run({ do: "toggle" });
    const isDouble = event.timeStamp - lastTap < DOUBLE_TAP_MS;
    lastTap = event.timeStamp;
    if (!isDouble) return toggleControls();
    const { left, width } = surface.getBoundingClientRect();
    run({ do: "seekBy", amount: event.clientX - left < width / 2 ? -10 : 10 });
  });
  surface.addEventListener("dblclick", () => {
    if (matchMedia("(hover: hover)").matches) run({ do: "fullscreen" });
  });
}
