/** The player: one stream on the stage with everything around it. */

import { byId } from "../shared/dom";
import { icon } from "../shared/icons";
import { toast } from "../shared/toast";
import type { VideoResource } from "../shared/video";
import { bindButtons } from "./buttons";
import { commandRunner } from "./commands";
import { NOTHING_DELIVERED, withDelivery } from "./deliveries";
import { flashIn } from "./flash";
import { listenToGestures } from "./gestures";
import { watchIdleness } from "./idle";
import { listenToKeys } from "./keyboard";
import type { Command } from "./keys";
import { rememberedPosition, rememberPosition, rememberVolume } from "./memory";
import { Menus } from "./menus";
import { type Health, Overlay } from "./overlay";
import { Playback } from "./playback";
import { drawTime, Scrubber } from "./scrubber";
import type { SourceRing } from "./sources";
import { parseStoryboard } from "./storyboard";
import type { Stream, StreamEvents } from "./stream";

/** How far the viewer gets before that is kept. */
const REMEMBER_SECONDS = 5;

export type StreamFactory = (
  video: HTMLVideoElement,
  ring: SourceRing,
  events: StreamEvents,
) => Stream;

export class Player {
  readonly #stage = byId("stage");
  readonly #playback = new Playback(byId<HTMLVideoElement>("video"));
  readonly #stream: Stream;
  readonly #menus: Menus;
  readonly #scrubber: Scrubber;
  readonly #overlay: Overlay;
  readonly #onFailover: () => void;
  readonly #onRefused: () => void;
  readonly #health: Health = { stalls: 0, failovers: 0, deliveries: NOTHING_DELIVERED };
  #video: VideoResource;
  #rememberedSeconds = 0;
  #askedStoryboard = false;
  #isStopped = false;

  /**
   * `onFailover` is called whenever a source fails, which may mean that the video is gone,
   * `onRefused` when its key is for others.
   */
  constructor(
    video: VideoResource,
    ring: SourceRing,
    createStream: StreamFactory,
    onFailover: () => void,
    onRefused: () => void,
  ) {
    this.#onFailover = onFailover;
    this.#onRefused = onRefused;
    const element = this.#playback.video;
    this.#video = video;
    this.#stream = createStream(element, ring, this.#streamEvents());
    this.#menus = new Menus(byId("menus"), this.#stream, this.#playback);
    this.#scrubber = new Scrubber(byId("scrubber"), this.#playback);
    this.#overlay = new Overlay(byId("overlay"), this.#stream, this.#playback, () => this.#health);
    rememberVolume(element);
    this.#bindControls();
    this.#followElement();
    this.update(video);
  }

  /** Shows the stage, and plays from where this browser left the video. */
  async start(): Promise<void> {
    this.#isStopped = false;
    byId("controls").hidden = false;
    this.#stream.start(rememberedPosition(this.#video.id));
    const { video } = this.#playback;
    await new Promise((resolve) => video.addEventListener("loadeddata", resolve, { once: true }));
    byId("big-play").hidden = await this.#playback.play();
  }

  /** Takes in what changed: a longer stream, more qualities, a storyboard; starts what was stopped. */
  update(video: VideoResource): void {
    this.#video = video;
    this.#playback.expect(video.duration_seconds);
    this.#scrubber.divide(video.chapters);
    this.#stream.follow(video.renditions);
    this.#draw();
    void this.#loadStoryboard();
    if (this.#isStopped) void this.start();
  }

  /** Ends playback, until there is something to start again; what is stopped already stays so. */
  stop(): void {
    if (this.#isStopped) return;
    this.#remember();
    this.#isStopped = true;
    this.#stream.stop();
    byId("controls").hidden = true;
  }

  #streamEvents(): StreamEvents {
    return {
      onTracks: () => this.#menus.update(),
      onQuality: () => this.#menus.update(),
      onDelivered: (delivery) => {
        this.#health.deliveries = withDelivery(this.#health.deliveries, delivery);
        this.#overlay.draw();
      },
      onSubtitlesMissed: () => toast("The subtitles cannot be loaded.", "error"),
      onFailover: () => {
        this.#health.failovers += 1;
        this.#onFailover();
      },
      onRefused: () => {
        this.stop();
        this.#onRefused();
      },
    };
  }

  #bindControls(): void {
    const perform = commandRunner({
      stage: this.#stage,
      playback: this.#playback,
      shortcuts: byId<HTMLDialogElement>("shortcuts"),
      flash: flashIn(byId("flash")),
      toggleCaptions: () => this.#toggleCaptions(),
      toggleStats: () => {
        this.#overlay.toggle();
        byId("stats").setAttribute("aria-pressed", String(this.#overlay.open));
      },
    });
    const run = (command: Command) => {
      if (!this.#isStopped) perform(command);
    };
    const bigPlay = byId<HTMLButtonElement>("big-play");
    bigPlay.append(icon("play"));
    bigPlay.addEventListener("click", () => run({ do: "toggle" }));
    const idleness = watchIdleness(this.#stage, this.#playback.video);
    bindButtons(this.#playback, run);
    listenToKeys(run);
    listenToGestures({ surface: byId("gestures"), run, toggleControls: idleness.toggle });
  }

  #toggleCaptions(): boolean | null {
    const { subtitles, subtitle, captionKinds } = this.#stream;
    if (subtitles.length === 0) return this.#playback.toggleCaptions(captionKinds);
    this.#stream.caption(subtitle < 0 ? 0 : -1);
    this.#menus.update();
    return subtitle < 0;
  }

  #followElement(): void {
    const { video } = this.#playback;
    for (const event of ["timeupdate", "progress", "durationchange", "seeking", "seeked"]) {
      video.addEventListener(event, () => this.#draw());
    }
    video.addEventListener("playing", () => {
      byId("big-play").hidden = true;
      this.#enter("playing");
    });
    video.addEventListener("canplay", () => this.#enter("playing"));
    video.addEventListener("waiting", () => {
      this.#enter("waiting");
      if (video.currentTime > 0 && !video.seeking) this.#health.stalls += 1;
    });
    // A tab in the background is frozen, and a crash ends it, without any further event.
    video.addEventListener("timeupdate", () => {
      if (Math.abs(video.currentTime - this.#rememberedSeconds) >= REMEMBER_SECONDS)
        this.#remember();
    });
    video.addEventListener("pause", () => this.#remember());
    document.addEventListener("visibilitychange", () => this.#remember());
    addEventListener("pagehide", () => this.#remember());
  }

  /** What a stopped stage shows is not the element's to say. */
  #enter(mode: "playing" | "waiting"): void {
    if (!this.#isStopped) this.#stage.dataset.mode = mode;
  }

  /** Keeps where the viewer is, if the element says it. */
  #remember(): void {
    const { video, durationSeconds } = this.#playback;
    if (this.#isStopped || !this.#playback.isUnderWay) return;
    this.#rememberedSeconds = video.currentTime;
    rememberPosition(this.#video.id, video.currentTime, durationSeconds);
  }

  #draw(): void {
    this.#scrubber.draw();
    drawTime(byId("position"), byId("duration"), this.#playback);
  }

  async #loadStoryboard(): Promise<void> {
    if (this.#askedStoryboard || this.#video.state !== "ready") return;
    this.#askedStoryboard = true;
    const url = new URL("storyboard.vtt", this.#stream.source.url);
    const response = await fetch(url).catch(() => null);
    // A ready video whose storyboard is not there has none.
    this.#askedStoryboard = response?.ok || response?.status === 404;
    if (response?.ok) this.#scrubber.preview.use(parseStoryboard(await response.text(), url.href));
  }
}
