/** The list of files on their way; a few at a time, the others wait. */

import { UploadRow } from "./upload-row";

/** Browsers open six connections to one HTTP/1.1 origin. */
const MOST_AT_ONCE = 2;

export interface UploadEvents {
  /** A video is being uploaded here: the row shows it, the library should not. */
  onCreated: (videoId: string) => void;
  onDone: (videoId: string) => void;
}

export class UploadList {
  readonly #list: HTMLElement;
  readonly #events: UploadEvents;
  #rows: UploadRow[] = [];

  constructor(list: HTMLElement, events: UploadEvents) {
    this.#list = list;
    this.#events = events;
    addEventListener("beforeunload", (event) => {
      if (this.#rows.some((row) => row.sending)) event.preventDefault();
    });
    addEventListener("online", () => {
      for (const row of this.#rows) row.hurry();
    });
  }

  /** Uploads the files one after the other. */
  add(files: Iterable<File>): void {
    for (const file of files) {
      const row = new UploadRow(file, {
        ...this.#events,
        onIdle: () => this.#next(),
        onUnauthorised: () => this.#refuseWaiting(),
      });
      this.#rows.push(row);
      this.#list.append(row.element);
    }
    this.#next();
  }

  /** The others would only ask the same question again. */
  #refuseWaiting(): void {
    for (const row of this.#rows.filter((candidate) => candidate.waiting)) row.refuse();
  }

  #next(): void {
    this.#rows = this.#rows.filter((row) => row.element.isConnected);
    this.#list.hidden = this.#rows.length === 0;
    for (const row of this.#rows.filter((candidate) => candidate.waiting)) {
      if (this.#rows.filter((other) => other.sending).length >= MOST_AT_ONCE) return;
      row.start();
    }
  }
}
