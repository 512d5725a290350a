/**
 * HLS played by hls.js.
 *
 * A running stream is never reloaded. To change its source, or to see variants that were published
 * since, a second hls.js reads the playlists and takes the media element over with everything that
 * is buffered (`transferMedia`): nothing on the screen moves.
 */

import Hls, { type ErrorData, type FragLoadedData, type Level } from "hls.js";
import { nearestVisit } from "./cache-status";
import { BUFFER_SECONDS, FIRST_BUFFER_SECONDS, hlsConfig } from "./hls-config";
import type { Source, SourceRing } from "./sources";
import type { Quality, Stream, StreamEvents } from "./stream";

const EXPECTATION_PAUSE_MS = 1000;

const LOAD_FAILURES: ReadonlySet<string> = new Set([
  Hls.ErrorDetails.MANIFEST_LOAD_ERROR,
  Hls.ErrorDetails.MANIFEST_LOAD_TIMEOUT,
  Hls.ErrorDetails.MANIFEST_PARSING_ERROR,
  Hls.ErrorDetails.LEVEL_LOAD_ERROR,
  Hls.ErrorDetails.LEVEL_LOAD_TIMEOUT,
  Hls.ErrorDetails.AUDIO_TRACK_LOAD_ERROR,
  Hls.ErrorDetails.AUDIO_TRACK_LOAD_TIMEOUT,
  Hls.ErrorDetails.FRAG_LOAD_ERROR,
  Hls.ErrorDetails.FRAG_LOAD_TIMEOUT,
]);

export class HlsStream implements Stream {
  readonly #video: HTMLVideoElement;
  readonly #ring: SourceRing;
  readonly #events: StreamEvents;
  /** The one that feeds the media element. */
  #active: Hls | null = null;
  /** The one that reads playlists to take over. */
  #coming: Hls | null = null;
  #timer = 0;
  #chosen: Quality | null = null;
  #spoken: string | null = null;
  #published = 0;
  #planned = 0;

  constructor(video: HTMLVideoElement, ring: SourceRing, events: StreamEvents) {
    this.#video = video;
    this.#ring = ring;
    this.#events = events;
  }

  get source(): Source {
    return this.#ring.current;
  }

  get qualities(): readonly Quality[] {
    return this.#active?.levels.map(qualityOf) ?? [];
  }

  get shown(): Quality | null {
    const level = this.#active?.levels[this.#active.currentLevel];
    return level ? qualityOf(level) : null;
  }

  get languages(): readonly string[] {
    return this.#active?.audioTracks.map((track) => track.name) ?? [];
  }

  get language(): number {
    return this.#active?.audioTrack ?? 0;
  }

  get bandwidth(): number | null {
    const estimate = this.#active?.bandwidthEstimate;
    return estimate && Number.isFinite(estimate) ? estimate : null;
  }

  start(positionSeconds: number): void {
    this.#prepare(positionSeconds);
  }

  choose(quality: Quality | null): void {
    this.#chosen = quality;
    if (this.#active) this.#active.nextLevel = this.#chosenLevel(this.#active);
  }

  speak(language: number): void {
    this.#spoken = this.languages[language] ?? null;
    if (this.#active) this.#active.audioTrack = language;
  }

  expectVariants(published: number, planned: number): void {
    this.#published = published;
    this.#planned = planned;
    this.#sizeBuffer();
    if (this.#missesVariants() && !this.#coming) this.#prepareIn(0);
  }

  #missesVariants(): boolean {
    return this.#active !== null && this.#active.levels.length < this.#published;
  }

  #sizeBuffer(): void {
    if (!this.#active) return;
    const waitsForBetter = this.#active.levels.length < this.#planned;
    this.#active.config.maxBufferLength = waitsForBetter ? FIRST_BUFFER_SECONDS : BUFFER_SECONDS;
  }

  #prepareIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#prepare(this.#video.currentTime), milliseconds);
  }

  #prepare(positionSeconds: number): void {
    this.#coming?.destroy();
    const coming = new Hls(hlsConfig(positionSeconds, this.bandwidth));
    this.#coming = coming;
    coming.on(Hls.Events.MANIFEST_PARSED, () => this.#consider(coming));
    coming.on(Hls.Events.ERROR, (_, data) => this.#react(coming, data));
    coming.on(Hls.Events.FRAG_LOADED, (_, data) => this.#delivered(data));
    coming.on(Hls.Events.LEVEL_SWITCHED, () => this.#events.onQuality());
    coming.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => this.#events.onTracks());
    coming.loadSource(this.#ring.current.url);
  }

  /** An edge may serve the playlist of a second ago: then what is there goes on, and asks again. */
  #consider(coming: Hls): void {
    const isStale = this.#missesVariants() && coming.levels.length < this.#published;
    if (!isStale) return this.#takeOver(coming);
    this.#coming = null;
    coming.destroy();
    this.#prepareIn(EXPECTATION_PAUSE_MS);
  }

  #takeOver(coming: Hls): void {
    const media = this.#active?.transferMedia();
    this.#active?.destroy();
    this.#active = coming;
    this.#coming = null;
    if (this.#chosen) coming.loadLevel = this.#chosenLevel(coming);
    coming.attachMedia(media?.mediaSource ? media : this.#video);
    this.#sizeBuffer();
    this.#keepLanguage(coming);
    this.#events.onTracks();
    if (this.#missesVariants()) this.#prepareIn(EXPECTATION_PAUSE_MS);
  }

  #chosenLevel(hls: Hls): number {
    return hls.levels.findIndex((level) => qualityOf(level).lines === this.#chosen?.lines);
  }

  #keepLanguage(hls: Hls): void {
    const track = hls.audioTracks.findIndex(({ name }) => name === this.#spoken);
    if (track >= 0) hls.audioTrack = track;
  }

  #react(hls: Hls, data: ErrorData): void {
    if (LOAD_FAILURES.has(data.details)) this.#failOver(hls);
    else if (data.fatal && data.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else if (data.fatal) this.#failOver(hls);
  }

  #failOver(hls: Hls): void {
    hls.stopLoad();
    if (hls === this.#active && this.#coming) return;
    this.#coming?.destroy();
    this.#coming = null;
    this.#prepareIn(this.#ring.fail());
    this.#events.onFailover();
  }

  #delivered({ frag, networkDetails }: FragLoadedData): void {
    this.#ring.succeed();
    if (frag.sn === "initSegment") return;
    const { loading, loaded } = frag.stats;
    this.#events.onDelivered({
      visit: nearestVisit(cacheStatus(networkDetails)),
      ttfbMs: loading.first - loading.start,
      bytes: loaded,
    });
  }
}

/** Asking for a header that CORS hides is an error in the console; listing the visible ones is not. */
function cacheStatus(request: unknown): string | null {
  if (!(request instanceof XMLHttpRequest)) return null;
  return /^cache-status: (.*)$/im.exec(request.getAllResponseHeaders())?.[1] ?? null;
}

function qualityOf(level: Level): Quality {
  return { lines: Math.min(level.width, level.height), bitsPerSecond: level.bitrate };
}
