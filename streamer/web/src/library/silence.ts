/** Requests over which nothing moves: where a router was restarted, a connection ends for neither side. */

const STILL_MS = 10_000;
/** The origin gives up an upload that sends nothing for so long. */
const DEAD_MS = 60_000;

export interface SilenceListener {
  onStill: () => void;
  /** It is still so long that it will not go on. */
  onDead: () => void;
}

/** Tells of a request that sends nothing, and gets no answer, for a while. */
export function watchSilence(request: XMLHttpRequest, listener: SilenceListener): void {
  let timers: number[] = [];
  const stop = () => timers.forEach(clearTimeout);
  const wait = () => {
    stop();
    timers = [setTimeout(listener.onStill, STILL_MS), setTimeout(listener.onDead, DEAD_MS)];
  };
  request.upload.addEventListener("progress", wait);
  request.addEventListener("loadend", stop);
  wait();
}
