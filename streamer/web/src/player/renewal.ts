/** A media element that is given other media goes on as it was: playing if it did, and as fast. */

export class Renewal {
  readonly #video: HTMLVideoElement;
  #isToPlay = false;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    video.addEventListener("play", () => {
      this.#isToPlay = true;
    });
    video.addEventListener("pause", () => {
      // An element that fails pauses itself: nobody asked it to.
      if (!video.error) this.#isToPlay = false;
    });
  }

  /** Takes the element's media away, or gives it others. */
  renew(change: () => void): void {
    // What it goes back to with each new source.
    this.#video.defaultPlaybackRate = this.#video.playbackRate;
    change();
    // It waits until there is something; that another change ends the waiting is no failure.
    if (this.#isToPlay) void this.#video.play().catch(() => {});
  }
}
