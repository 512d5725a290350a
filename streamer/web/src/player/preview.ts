/** The picture above the scrub bar. */

import { clock } from "../shared/format";
import { type Thumbnail, thumbnailAt } from "./storyboard";

export class Preview {
  readonly #element: HTMLElement;
  readonly #picture: HTMLElement;
  readonly #time: HTMLElement;
  readonly #chapter: HTMLElement;
  #board: readonly Thumbnail[] = [];
  #seconds = 0;
  #fraction = 0;

  constructor(element: HTMLElement) {
    this.#element = element;
    this.#picture = element.querySelector<HTMLElement>(".preview-picture") as HTMLElement;
    this.#time = element.querySelector<HTMLElement>(".preview-time") as HTMLElement;
    this.#chapter = element.querySelector<HTMLElement>(".preview-chapter") as HTMLElement;
    this.#picture.hidden = true;
  }

  /** Uses this storyboard from now on. */
  use(board: readonly Thumbnail[]): void {
    this.#board = board;
    this.#draw();
  }

  /** Shows the moment and its chapter, centred at this fraction of the bar. */
  show(seconds: number, fraction: number, chapter: string): void {
    this.#element.hidden = false;
    this.#chapter.hidden = !chapter;
    this.#chapter.textContent = chapter;
    this.#time.textContent = clock(seconds);
    this.#seconds = seconds;
    this.#fraction = fraction;
    this.#draw();
  }

  hide(): void {
    this.#element.hidden = true;
  }

  #draw(): void {
    this.#drawPicture(thumbnailAt(this.#board, this.#seconds));
    const bar = this.#element.parentElement?.clientWidth ?? 0;
    const half = this.#element.offsetWidth / 2;
    const centre = Math.min(Math.max(this.#fraction * bar, half), bar - half);
    this.#element.style.left = `${centre}px`;
  }

  #drawPicture(thumbnail: Thumbnail | undefined): void {
    this.#picture.hidden = !thumbnail;
    if (!thumbnail) return;
    const { style } = this.#picture;
    style.width = `${thumbnail.width}px`;
    style.height = `${thumbnail.height}px`;
    style.backgroundImage = `url("${CSS.escape(thumbnail.sheet)}")`;
    style.backgroundPosition = `-${thumbnail.x}px -${thumbnail.y}px`;
  }
}
