/** The menus of the player: quality, language, subtitles, speed. */

import { bitRate } from "../shared/format";
import { Menu } from "./menu";
import { type Playback, SPEEDS } from "./playback";
import type { Quality, Stream } from "./stream";

export class Menus {
  readonly #stream: Stream;
  readonly #quality: Menu;
  readonly #language: Menu;
  readonly #subtitles: Menu;
  #fixed: Quality | null = null;

  constructor(parent: HTMLElement, stream: Stream, playback: Playback) {
    this.#stream = stream;
    this.#quality = new Menu("Quality", (index) => this.#choose(index));
    this.#language = new Menu("Audio", (index) => {
      stream.speak(index);
      this.update();
    });
    const caption = (index: number) => {
      stream.caption(index - 1);
      this.update();
    };
    this.#subtitles = new Menu("Subtitles", caption, "captions");
    const speed = new Menu("Speed", (index) => {
      playback.video.playbackRate = SPEEDS[index] ?? 1;
    });
    const showSpeed = () => {
      const rate = playback.video.playbackRate;
      const choices = SPEEDS.map((each) => ({ label: `${each}×` }));
      speed.update(`${rate}×`, choices, SPEEDS.indexOf(rate));
    };
    playback.video.addEventListener("ratechange", showSpeed);
    parent.replaceChildren(
      this.#language.element,
      this.#subtitles.element,
      speed.element,
      this.#quality.element,
    );
    showSpeed();
    this.update();
  }

  /** Shows the stream's tracks as they are now. */
  update(): void {
    const { shown, languages, language, subtitles, subtitle } = this.#stream;
    const qualities = this.#highestFirst();
    const automatic = { label: "Auto", ...(shown ? { note: `${shown.lines}p` } : {}) };
    const choices = qualities.map((quality) => ({
      label: `${quality.lines}p`,
      note: bitRate(quality.bitsPerSecond),
    }));
    const current = shown ? `Auto · ${shown.lines}p` : "Auto";
    const chosen = qualities.findIndex((quality) => quality.lines === this.#fixed?.lines);
    const text = this.#fixed ? `${this.#fixed.lines}p` : current;
    this.#quality.update(text, [automatic, ...choices], chosen + 1);
    this.#language.update(
      languages[language] ?? "Audio",
      languages.map((label) => ({ label })),
      language,
    );
    const texts = ["Off", ...subtitles];
    const read = subtitle < 0 ? "Subtitles" : `CC ${subtitles[subtitle] ?? ""}`;
    this.#subtitles.update(
      read,
      texts.map((label) => ({ label })),
      subtitle + 1,
    );
  }

  #highestFirst(): Quality[] {
    return this.#stream.qualities.toSorted((one, other) => other.lines - one.lines);
  }

  #choose(index: number): void {
    this.#fixed = this.#highestFirst()[index - 1] ?? null;
    this.#stream.choose(this.#fixed);
    this.update();
  }
}
