/** The scrub bar: what is packaged, buffered, played; chapters; seeks by pointer; previews on hover. */

import { el } from "../shared/dom";
import { clock, spokenClock } from "../shared/format";
import type { ChapterResource } from "../shared/video";
import { chapterAt, drawMarks, marksOf } from "./chapters";
import type { Playback } from "./playback";
import { Preview } from "./preview";

export class Scrubber {
  readonly preview: Preview;
  readonly #bar: HTMLElement;
  readonly #playback: Playback;
  readonly #packaged: HTMLElement;
  readonly #buffered: HTMLElement;
  readonly #played: HTMLElement;
  readonly #thumb: HTMLElement;
  readonly #marks: HTMLElement;
  #chapters: readonly ChapterResource[] = [];
  #dragged: number | null = null;

  constructor(bar: HTMLElement, playback: Playback) {
    this.#bar = bar;
    this.#playback = playback;
    const part = (name: string) => bar.querySelector<HTMLElement>(`.${name}`) as HTMLElement;
    this.#packaged = part("scrubber-packaged");
    this.#buffered = part("scrubber-buffered");
    this.#played = part("scrubber-played");
    this.#thumb = part("scrubber-thumb");
    this.#marks = part("scrubber-chapters");
    this.preview = new Preview(part("preview"));
    bar.addEventListener("pointerdown", (event) => this.#press(event));
    bar.addEventListener("pointermove", (event) => this.#move(event));
    bar.addEventListener("pointerup", () => this.#release());
    bar.addEventListener("pointercancel", () => this.#release());
    bar.addEventListener("pointerleave", () => this.preview.hide());
  }

  /** Marks these chapters from now on. */
  divide(chapters: readonly ChapterResource[]): void {
    this.#chapters = chapters;
    drawMarks(this.#marks, marksOf(chapters, this.#playback.durationSeconds));
  }

  /** Draws the bar as things are now. */
  draw(): void {
    const duration = this.#playback.durationSeconds;
    if (duration <= 0) return;
    const position = this.#dragged ?? this.#playback.video.currentTime;
    const share = (seconds: number) => `${Math.min(100, (seconds / duration) * 100)}%`;
    this.#packaged.style.width = share(this.#playback.availableSeconds);
    this.#played.style.width = share(position);
    this.#thumb.style.left = share(position);
    this.#drawBuffered(share);
    this.#bar.setAttribute("aria-valuemax", duration.toFixed(0));
    this.#bar.setAttribute("aria-valuenow", position.toFixed(0));
    const chapter = chapterAt(this.#chapters, position)?.title;
    const time = `${spokenClock(position)} of ${spokenClock(duration)}`;
    this.#bar.setAttribute("aria-valuetext", chapter ? `${time}, ${chapter}` : time);
  }

  #drawBuffered(share: (seconds: number) => string): void {
    const { buffered } = this.#playback.video;
    const ranges = Array.from({ length: buffered.length }, (_, index) => {
      const range = el("div");
      range.style.left = share(buffered.start(index));
      range.style.width = share(buffered.end(index) - buffered.start(index));
      return range;
    });
    this.#buffered.replaceChildren(...ranges);
  }

  #fraction(event: PointerEvent): number {
    const { left, width } = this.#bar.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#bar.setPointerCapture(event.pointerId);
    this.#dragged = this.#fraction(event) * this.#playback.durationSeconds;
    this.draw();
  }

  #move(event: PointerEvent): void {
    const fraction = this.#fraction(event);
    const seconds = fraction * this.#playback.durationSeconds;
    this.preview.show(seconds, fraction, chapterAt(this.#chapters, seconds)?.title ?? "");
    if (this.#dragged === null) return;
    this.#dragged = seconds;
    this.draw();
  }

  #release(): void {
    if (this.#dragged === null) return;
    this.#playback.seekTo(this.#dragged);
    this.#dragged = null;
    this.preview.hide();
  }
}

/** The time beside the play button. */
export function drawTime(position: HTMLElement, duration: HTMLElement, playback: Playback): void {
  position.textContent = clock(playback.video.currentTime);
  duration.textContent = clock(playback.durationSeconds);
}
