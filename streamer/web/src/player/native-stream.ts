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
  #startTimer = 0;

  constructor(video: HTMLVideoElement, ring: SourceRing, events: StreamEvents) {
    this.#video = video;
    this.#ring = ring;
    const renewal = new Renewal(video);
    video.addEventListener("playing", () => ring.succeed());
    video.addEventListener("error", () => {
      if (!video.hasAttribute("src")) return;
      const position = video.currentTime;
      // Until the next source, the element is as after its start: what the viewer does counts.
      renewal.renew(() => this.stop());
      this.#startTimer = window.setTimeout(
        () => renewal.renew(() => this.start(position)),
        ring.fail(),
      );
      events.onFailover();
    });
  }

  get source(): Source {
    return this.#ring.current;
  }

  start(positionSeconds: number): void {
    const seek = () => {
      this.#video.currentTime = positionSeconds;
    };
    this.#video.addEventListener("loadedmetadata", seek, { once: true });
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
