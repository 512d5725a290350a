/** HLS played by the browser itself, where Media Source Extensions are missing. */

import { Renewal } from "./renewal";
import type { Source, SourceRing } from "./sources";
import type { Stream, StreamEvents } from "./stream";

export class NativeStream implements Stream {
  readonly qualities = [];
  readonly shown = null;
  readonly languages = [];
  readonly language = 0;
  readonly subtitles = [];
  readonly subtitle = -1;
  readonly captionKinds = ["captions", "subtitles"] as const;
  readonly bandwidth = null;
  readonly #video: HTMLVideoElement;
  readonly #ring: SourceRing;
  /** Where the viewer is until the first picture. */
  #startSeconds = 0;
  #startTimer = 0;

  constructor(video: HTMLVideoElement, ring: SourceRing, events: StreamEvents) {
    this.#video = video;
    this.#ring = ring;
    const renewal = new Renewal(video);
    video.addEventListener("loadedmetadata", () => {
      video.currentTime = this.#startSeconds;
    });
    video.addEventListener("playing", () => ring.succeed());
    video.addEventListener("error", () => {
      if (!video.hasAttribute("src")) return;
      if (video.readyState > video.HAVE_NOTHING) this.#startSeconds = video.currentTime;
      // As long as the element has its error, a pause of the viewer's is taken for its own.
      renewal.renew(() => this.stop());
      this.#startTimer = window.setTimeout(
        () => renewal.renew(() => this.start(this.#startSeconds)),
        ring.fail(),
      );
      events.onFailover();
    });
  }

  get source(): Source {
    return this.#ring.current;
  }

  start(positionSeconds: number): void {
    this.#startSeconds = positionSeconds;
    this.#video.src = this.source.url;
  }

  choose(): void {}

  speak(): void {}

  caption(): void {}

  follow(): void {}

  stop(): void {
    clearTimeout(this.#startTimer);
    this.#video.removeAttribute("src");
    this.#video.load();
  }
}
