/** One video of the library: poster, title, state, actions. */

import { deleteVideo, isMissing, renameVideo } from "../shared/api";
import { confirmed } from "../shared/dialog";
import { el } from "../shared/dom";
import { ago, clock } from "../shared/format";
import { icon } from "../shared/icons";
import { remarksOn, statusOf } from "../shared/status";
import { toast, toastError } from "../shared/toast";
import { isFinal, isPackagedAnew, mediaPath, type VideoResource } from "../shared/video";
import { watchVideo } from "../shared/watch";
import { canBeContinued, watchAbandonment } from "./interrupted";
import { askForSubtitles } from "./subtitles";

const POSTER_PAUSE_MS = 4000;

export class Card {
  readonly element = el("li", { class: "card" });
  readonly #onGone: () => void;
  readonly #picture = el("a", { class: "card-picture", tabindex: "-1", "aria-hidden": "true" });
  readonly #duration = el("span", { class: "card-duration" });
  readonly #title = el("a", { class: "card-title", dir: "auto" });
  readonly #chip = el("span", { class: "chip" });
  readonly #created = el("time");
  readonly #reason = el("p", { class: "card-reason", hidden: true });
  readonly #bar = el("progress", { max: 1, value: 0, class: "card-progress" });
  readonly #subtitles = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Add subtitles", title: "Add subtitles" },
    icon("captions"),
  );
  readonly #heading: HTMLElement;
  #video: VideoResource;
  #poster: HTMLImageElement | null = null;
  #nextPosterLook = 0;
  #stopWatching: (() => void) | null = null;
  /** Whether no page was at the upload when that was last known. */
  #isAbandoned = false;
  #looksForUploader = false;

  constructor(video: VideoResource, onGone: () => void) {
    this.#video = video;
    this.#onGone = onGone;
    this.#picture.append(icon("film"), this.#duration, this.#bar);
    this.#heading = el("h2", {}, this.#title);
    this.element.append(
      this.#picture,
      el(
        "div",
        { class: "card-body" },
        el("div", { class: "card-head" }, this.#heading, this.#actions()),
        el("p", { class: "card-meta" }, this.#chip, this.#created),
        this.#reason,
      ),
    );
    this.update(video);
  }

  get video(): VideoResource {
    return this.#video;
  }

  /** Follows the video while it is on screen and not final. */
  watch(visible: boolean): void {
    if (visible && !this.#stopWatching && !isFinal(this.#video)) {
      this.#stopWatching = watchVideo(this.#video.id, {
        onChange: (video) => this.update(video),
        onGone: () => this.#onGone(),
      });
    } else if (!visible) {
      this.#stopWatching?.();
      this.#stopWatching = null;
    }
  }

  /** Shows another state of the video. */
  update(video: VideoResource): void {
    this.#video = video;
    const { label, tone } = statusOf(video);
    this.element.dataset.state = video.state;
    this.element.dataset.id = video.id;
    this.#chip.textContent = label;
    this.#chip.dataset.tone = tone;
    this.#title.textContent = video.title;
    this.#created.dateTime = video.created_at;
    this.#created.textContent = ago(new Date(video.created_at), new Date());
    this.#duration.textContent = video.duration_seconds ? clock(video.duration_seconds) : "";
    this.#showRemark();
    void this.#lookForUploader();
    const anew = isPackagedAnew(video);
    this.#bar.hidden = video.state !== "packaging" && !anew;
    this.#bar.value = anew ? (video.repackaging?.progress ?? 0) : video.progress;
    this.#subtitles.hidden = video.state !== "packaging" && !video.playable;
    this.#bar.setAttribute("aria-label", `Packaging of ${video.title}`);
    const target = `/watch/${encodeURIComponent(video.id)}`;
    this.#title.href = target;
    this.#picture.href = target;
    this.#showPoster();
  }

  #showRemark(): void {
    const isOffered = this.#video.state === "uploading" && this.#isAbandoned;
    const offer = isOffered ? "Choose the same file again to continue its upload." : "";
    const text = remarksOn(this.#video) || offer;
    this.#reason.textContent = text;
    this.#reason.hidden = !text;
  }

  async #lookForUploader(): Promise<void> {
    const { id, state } = this.#video;
    if (this.#looksForUploader || state !== "uploading" || !canBeContinued(id)) return;
    this.#looksForUploader = true;
    await watchAbandonment(id, (isAbandoned) => {
      this.#isAbandoned = isAbandoned;
      this.#showRemark();
    });
    this.#looksForUploader = false;
  }

  /** The poster is made while the video is packaged: until it is there, one looks now and then. */
  #showPoster(): void {
    if (this.#poster || !this.#video.playable) return;
    if (performance.now() < this.#nextPosterLook && !isFinal(this.#video)) return;
    this.#nextPosterLook = performance.now() + POSTER_PAUSE_MS;
    const image = el("img", { alt: "", decoding: "async" });
    this.#poster = image;
    image.addEventListener("load", () => this.#picture.prepend(image));
    image.addEventListener("error", () => {
      this.#poster = null;
    });
    image.src = mediaPath(this.#video.id, "poster.jpg");
  }

  #actions(): HTMLElement {
    const rename = el(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Rename", title: "Rename" },
      icon("pencil"),
    );
    const remove = el(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Delete", title: "Delete" },
      icon("trash"),
    );
    rename.addEventListener("click", () => this.#edit(rename));
    remove.addEventListener("click", () => void this.#delete());
    this.#subtitles.addEventListener("click", () => void this.#addSubtitles());
    return el("div", { class: "card-actions" }, this.#subtitles, rename, remove);
  }

  #edit(button: HTMLButtonElement): void {
    const input = el("input", {
      class: "card-rename",
      dir: "auto",
      value: this.#video.title,
      "aria-label": "Title",
      maxlength: 200,
    });
    let open = true;
    const close = (title: string | null) => {
      if (!open) return;
      open = false; // taking the field away blurs it
      input.replaceWith(this.#title);
      if (title) void this.#rename(title);
    };
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return; // the key is the input method's
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault(); // or Enter would press the button that gets the focus
      close(event.key === "Enter" ? input.value.trim() : null);
      button.focus();
    });
    input.addEventListener("blur", () => close(input.value.trim()));
    this.#title.replaceWith(input);
    input.focus();
    input.select();
  }

  async #rename(title: string): Promise<void> {
    if (title === this.#video.title) return;
    try {
      this.update(await renameVideo(this.#video.id, title));
    } catch (error) {
      this.#refused(error);
    }
  }

  async #addSubtitles(): Promise<void> {
    try {
      const video = await askForSubtitles(this.#video);
      if (!video) return;
      this.update(video);
      toast(`“${video.title}” has subtitles now.`);
    } catch (error) {
      this.#refused(error);
    }
  }

  async #delete(): Promise<void> {
    const { id, title } = this.#video;
    const agreed = await confirmed({
      title: "Delete this video?",
      text: `“${title}” and everything made from it will be gone for good.`,
      action: "Delete",
    });
    if (!agreed) return;
    try {
      await deleteVideo(id);
      this.#onGone();
      toast(`“${title}” was deleted.`);
    } catch (error) {
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    toastError(error);
    if (isMissing(error)) this.#onGone();
  }
}
