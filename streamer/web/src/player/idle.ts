/** Hides the controls while a person only watches. */

const PATIENCE_MS = 2600;

export interface Idleness {
  toggle: () => void;
}

/** Sets the class `idle` on the stage while the video plays and nothing moves. */
export function watchIdleness(stage: HTMLElement, video: HTMLVideoElement): Idleness {
  let timer = 0;
  const isBusy = () =>
    video.paused || stage.querySelector(".controls :focus-visible, .menu-list:not([hidden])");
  const sleep = () => {
    clearTimeout(timer);
    if (!isBusy()) stage.classList.add("idle");
  };
  const wake = () => {
    stage.classList.remove("idle");
    clearTimeout(timer);
    timer = window.setTimeout(sleep, PATIENCE_MS);
  };
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse") wake();
  });
  stage.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") sleep();
  });
  stage.addEventListener("focusin", wake);
  addEventListener("keydown", wake);
  for (const event of ["play", "pause", "seeking"]) video.addEventListener(event, wake);
  return { toggle: () => (stage.classList.contains("idle") ? wake() : sleep()) };
}
