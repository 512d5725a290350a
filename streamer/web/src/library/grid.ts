/** The videos of the library, page by page, each kept up to date while it is on screen. */

import { getVideo, listVideos } from "../shared/api";
import { toastError } from "../shared/toast";
import type { VideoResource } from "../shared/video";
import { Card } from "./card";

export interface GridParts {
  list: HTMLElement;
  more: HTMLButtonElement;
  empty: HTMLElement;
  nothingFound: HTMLElement;
}

export class Grid {
  readonly #parts: GridParts;
  readonly #cards = new Map<string, Card>();
  readonly #byElement = new WeakMap<Element, Card>();
  readonly #uploadedHere = new Set<string>();
  readonly #onScreen: IntersectionObserver;
  #query = "";
  #cursor: string | null = null;
  #loads = 0;

  constructor(parts: GridParts) {
    this.#parts = parts;
    this.#onScreen = new IntersectionObserver((entries) => {
      for (const entry of entries) this.#byElement.get(entry.target)?.watch(entry.isIntersecting);
    });
    parts.more.addEventListener("click", () => void this.#loadMore());
  }

  /** Shows the first page of what matches; an empty query matches everything. */
  async search(query: string): Promise<void> {
    this.#query = query;
    this.#cursor = null;
    await this.#load(() => this.#clear());
  }

  /** Leaves a video out while its upload is shown elsewhere on the page. */
  hide(videoId: string): void {
    this.#uploadedHere.add(videoId);
    this.#remove(videoId);
  }

  /** Shows a video whose upload is over, first in the list. */
  async reveal(videoId: string): Promise<void> {
    this.#uploadedHere.delete(videoId);
    try {
      this.addFirst(await getVideo(videoId));
    } catch (error) {
      toastError(error);
    }
  }

  /** Shows a new video, first in the list. */
  addFirst(video: VideoResource): void {
    this.#remove(video.id);
    this.#parts.list.prepend(this.#card(video).element);
    this.#showEmptiness();
  }

  #loadMore(): Promise<void> {
    return this.#load(() => {});
  }

  async #load(beforeShowing: () => void): Promise<void> {
    this.#loads += 1;
    const load = this.#loads;
    this.#parts.list.setAttribute("aria-busy", "true");
    try {
      const page = await listVideos(this.#query, this.#cursor);
      if (load !== this.#loads) return;
      beforeShowing();
      this.#cursor = page.next_cursor;
      for (const video of page.items) this.#append(video);
      this.#parts.more.hidden = !page.next_cursor;
      this.#showEmptiness();
    } catch (error) {
      toastError(error);
    } finally {
      this.#parts.list.removeAttribute("aria-busy");
    }
  }

  #append(video: VideoResource): void {
    if (this.#cards.has(video.id) || this.#uploadedHere.has(video.id)) return;
    this.#parts.list.append(this.#card(video).element);
  }

  #card(video: VideoResource): Card {
    const card = new Card(video, () => this.#remove(video.id));
    this.#cards.set(video.id, card);
    this.#byElement.set(card.element, card);
    this.#onScreen.observe(card.element);
    return card;
  }

  #remove(videoId: string): void {
    const card = this.#cards.get(videoId);
    if (!card) return;
    card.watch(false);
    this.#onScreen.unobserve(card.element);
    card.element.remove();
    this.#cards.delete(videoId);
    this.#showEmptiness();
  }

  #clear(): void {
    for (const id of [...this.#cards.keys()]) this.#remove(id);
  }

  #showEmptiness(): void {
    const none = this.#cards.size === 0;
    this.#parts.empty.hidden = !none || this.#query !== "";
    this.#parts.nothingFound.hidden = !none || this.#query === "";
  }
}
