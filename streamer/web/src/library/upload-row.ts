/** One file on its way: progress, speed, time left; pause, resume, cancel. */

import { el } from "../shared/dom";
import { bytes, timeLeft } from "../shared/format";
import { icon } from "../shared/icons";
import { toastError } from "../shared/toast";
import { askForToken, TOKEN_NEEDED } from "../shared/token";
import { bytesPerSecond, type Sample, withSample } from "./rate";
import { Transfer } from "./transfer";

type State = "waiting" | "sending" | "paused" | "failed";

export interface UploadOutcome {
  onCreated: (videoId: string) => void;
  onDone: (videoId: string) => void;
  /** It left the list, finished or cancelled; or it gave up its turn. */
  onIdle: () => void;
  /** The person declined to give the token that the origin wants. */
  onUnauthorised: () => void;
}

export class UploadRow {
  readonly element: HTMLElement;
  readonly #transfer: Transfer;
  readonly #outcome: UploadOutcome;
  readonly #bar: HTMLProgressElement;
  readonly #note = el("span", { class: "upload-note" });
  readonly #toggle = el("button", { type: "button", class: "button small" });
  #state: State = "waiting";
  #samples: Sample[] = [];

  constructor(file: File, outcome: UploadOutcome) {
    this.#outcome = outcome;
    this.#bar = el("progress", {
      max: file.size,
      value: 0,
      "aria-label": `Upload of ${file.name}`,
    });
    const cancel = el(
      "button",
      {
        type: "button",
        class: "button small ghost",
        "aria-label": `Cancel the upload of ${file.name}`,
      },
      icon("close"),
    );
    this.element = el(
      "li",
      { class: "upload" },
      el("span", { class: "upload-name", dir: "auto", title: file.name }, file.name),
      this.#note,
      el("span", { class: "upload-actions" }, this.#toggle, cancel),
      this.#bar,
    );
    this.#transfer = new Transfer(file, {
      onProgress: (sent, total) => this.#progress(sent, total),
      onCreated: (id) => outcome.onCreated(id),
      onWaiting: (reason) => this.#wait(reason),
      onDone: (id) => this.#done(id),
      onError: (message) => this.#enter("failed", message),
      askForToken,
      onUnauthorised: () => {
        outcome.onUnauthorised();
        this.refuse();
      },
      onUnreadable: () => {
        this.#enter("failed", "This file is gone or was changed. Choose it again.");
        this.#toggle.hidden = true;
      },
    });
    this.#toggle.addEventListener("click", () => this.#toggled());
    cancel.addEventListener("click", () => void this.#cancel());
    this.#enter("waiting", `${bytes(file.size)}, waiting`);
  }

  /** Whether it waits for its turn. */
  get waiting(): boolean {
    return this.#state === "waiting";
  }

  /** Whether it takes one of the places for running uploads. */
  get sending(): boolean {
    return this.#state === "sending";
  }

  /** Begins or goes on. */
  start(): void {
    this.#samples = [];
    this.#enter("sending", "Starting…");
    this.#transfer.start().catch((error) => this.#enter("failed", String(error)));
  }

  /** Tries again at once, if it waits for its next try. */
  hurry(): void {
    this.#transfer.hurry();
  }

  /** Gives up until the person tries again, and then may give the token. */
  refuse(): void {
    this.#enter("failed", TOKEN_NEEDED);
  }

  #toggled(): void {
    if (this.#state === "sending") {
      void this.#transfer.pause();
      this.#enter("paused", "Paused");
    } else {
      this.start();
    }
  }

  #enter(state: State, note: string): void {
    const gaveUpTurn = this.#state === "sending" && state !== "sending";
    this.#state = state;
    this.element.dataset.state = state;
    this.#note.textContent = note;
    const labels = { waiting: "Start", sending: "Pause", paused: "Resume", failed: "Try again" };
    this.#toggle.textContent = labels[state];
    if (gaveUpTurn) this.#outcome.onIdle();
  }

  /** Makes no promise of speed or time while nothing moves. */
  #wait(reason: string): void {
    if (this.#state !== "sending") return;
    this.#samples = [];
    this.#note.textContent = reason;
  }

  #progress(sent: number, total: number): void {
    if (this.#state !== "sending") return;
    this.#samples = withSample(this.#samples, { at: performance.now(), sent });
    const rate = bytesPerSecond(this.#samples);
    this.#bar.value = sent;
    const parts = [`${bytes(sent)} of ${bytes(total)}`];
    if (rate) parts.push(`${bytes(rate)}/s`, timeLeft((total - sent) / rate));
    this.#note.textContent = parts.join(" · ");
  }

  #done(videoId: string): void {
    this.element.remove();
    this.#state = "paused";
    this.#outcome.onDone(videoId);
    this.#outcome.onIdle();
  }

  async #cancel(): Promise<void> {
    this.element.remove();
    this.#state = "paused";
    this.#outcome.onIdle();
    await this.#transfer.cancel().catch(toastError);
  }
}
