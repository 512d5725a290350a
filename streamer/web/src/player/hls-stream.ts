/**
 * HLS played by hls.js.
 *
 * A running stream is never reloaded. To change its source, or to see variants that were published
 * since, a second hls.js reads the playlists and takes the media element over with everything that
 * is buffered (`transferMedia`): nothing on the screen moves.
 */

import Hls, { type ErrorData, type FragLoadedData, type Level, type MediaPlaylist } from "hls.js";
import type { RenditionResource } from "../shared/video";
import { BrokenSegments, type Segment, segmentsDecodedAt, suspectsOf } from "./broken-segments";
import { nearestVisit } from "./cache-status";
import { ClearKey, FORBIDDEN } from "./clear-key";
import { needsNewMediaSource } from "./error-controller";
import { awaitsVariants, missesSegments, publishedVariants, readPlaylistsAgain } from "./growth";
import { BUFFER_SECONDS, FIRST_BUFFER_SECONDS, hlsConfig } from "./hls-config";
import { KeptKeys } from "./kept-keys";
import { Renewal } from "./renewal";
import type { Source, SourceRing } from "./sources";
import type { Quality, Stream, StreamEvents } from "./stream";
import { isOfSubtitles } from "./subtitle-errors";

/** As long as edges may keep a growing playlist. */
const CATCH_UP_PAUSE_MS = 1000;

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
  Hls.ErrorDetails.KEY_LOAD_ERROR,
  Hls.ErrorDetails.KEY_LOAD_TIMEOUT,
]);

export class HlsStream implements Stream {
  readonly captionKinds = ["captions"] as const;
  readonly #video: HTMLVideoElement;
  readonly #ring: SourceRing;
  readonly #events: StreamEvents;
  readonly #clearKey: ClearKey;
  readonly #keptKeys = new KeptKeys();
  readonly #broken: BrokenSegments;
  readonly #renewal: Renewal;
  /** The one that feeds the media element. */
  #active: Hls | null = null;
  /** The one that reads playlists to take over. */
  #coming: Hls | null = null;
  /** The last active one whose source failed: it loads nothing any more. */
  #failed: Hls | null = null;
  /** Where the viewer is until the first picture. */
  #startSeconds = 0;
  #prepareTimer = 0;
  #catchUpTimer = 0;
  #chosen: Quality | null = null;
  #shown: Quality | null = null;
  #spoken: string | null = null;
  /** The name of the chosen subtitles; null for none, undefined before the viewer chose. */
  #captioned: string | null | undefined = undefined;
  /** The names of subtitles that the source did not give. */
  readonly #missed = new Set<string>();
  #renditions: readonly RenditionResource[] = [];

  constructor(video: HTMLVideoElement, ring: SourceRing, events: StreamEvents) {
    this.#video = video;
    this.#ring = ring;
    this.#events = events;
    this.#clearKey = new ClearKey(video, events.onRefused);
    this.#broken = new BrokenSegments(ring.size);
    this.#renewal = new Renewal(video);
    // Of a decoder's failure hls.js hears only when it appends the next time, if ever. Of one to
    // append it knows the segment, but may hear of it just after the element.
    video.addEventListener("error", () => setTimeout(() => this.#beginAnewAtFailure()));
  }

  get source(): Source {
    return this.#ring.current;
  }

  get qualities(): readonly Quality[] {
    return qualitiesOf(this.#active?.levels ?? []);
  }

  get shown(): Quality | null {
    return this.#shown;
  }

  get languages(): readonly string[] {
    return this.#active?.audioTracks.map((track) => track.name) ?? [];
  }

  get language(): number {
    return this.#active?.audioTrack ?? 0;
  }

  get subtitles(): readonly string[] {
    return this.#choosable().map((track) => track.name);
  }

  get subtitle(): number {
    const shown = this.#active?.subtitleTrack ?? -1;
    return this.#choosable().findIndex((track) => track.id === shown);
  }

  get bandwidth(): number | null {
    const estimate = this.#active?.bandwidthEstimate;
    return estimate && Number.isFinite(estimate) ? estimate : null;
  }

  start(positionSeconds: number): void {
    this.#startSeconds = positionSeconds;
    this.#prepare();
  }

  choose(quality: Quality | null): void {
    this.#chosen = quality;
    if (this.#active) this.#active.nextLevel = this.#chosenLevel(this.#active);
  }

  speak(language: number): void {
    this.#spoken = this.languages[language] ?? null;
    if (!this.#active) return;
    this.#active.audioTrack = language;
    this.#showSubtitles(this.#active);
  }

  caption(subtitle: number): void {
    this.#captioned = this.subtitles[subtitle] ?? null;
    if (this.#captioned) this.#missed.delete(this.#captioned);
    if (this.#active) this.#showSubtitles(this.#active);
  }

  follow(renditions: readonly RenditionResource[]): void {
    this.#renditions = renditions;
    this.#catchUp();
  }

  stop(): void {
    clearTimeout(this.#prepareTimer);
    clearTimeout(this.#catchUpTimer);
    this.#coming?.destroy();
    this.#coming = null;
    this.#active?.destroy();
    this.#active = null;
    this.#shown = null;
  }

  #catchUp(): void {
    clearTimeout(this.#catchUpTimer);
    const active = this.#active;
    if (!active || this.#coming) return;
    const waitsForBetter = awaitsVariants(this.#renditions);
    active.config.maxMaxBufferLength = waitsForBetter ? FIRST_BUFFER_SECONDS : BUFFER_SECONDS;
    const isStale = this.#missesVariants(active) || missesSegments(active, this.#renditions);
    if (!isStale) return;
    if (this.#missesVariants(active)) this.#prepareIn(0);
    else readPlaylistsAgain(active);
    this.#catchUpTimer = window.setTimeout(() => this.#catchUp(), CATCH_UP_PAUSE_MS);
  }

  #missesVariants(hls: Hls): boolean {
    return qualitiesOf(hls.levels).length < publishedVariants(this.#renditions);
  }

  #prepareIn(milliseconds: number): void {
    clearTimeout(this.#prepareTimer);
    this.#prepareTimer = window.setTimeout(() => this.#prepare(), milliseconds);
  }

  #prepare(): void {
    this.#coming?.destroy();
    const coming = new Hls({
      ...hlsConfig(this.bandwidth),
      loader: this.#keptKeys.loader,
      pLoader: this.#broken.playlistLoader(this.#clearKey.playlistLoader),
    });
    this.#coming = coming;
    coming.on(Hls.Events.MANIFEST_PARSED, () => this.#consider(coming));
    coming.on(Hls.Events.ERROR, (_, data) => this.#react(coming, data));
    coming.on(Hls.Events.FRAG_LOADED, (_, data) => this.#delivered(data));
    coming.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => this.#show(coming.levels[level]));
    for (const event of [
      Hls.Events.AUDIO_TRACKS_UPDATED,
      Hls.Events.AUDIO_TRACK_SWITCHED,
      Hls.Events.SUBTITLE_TRACKS_UPDATED,
      Hls.Events.SUBTITLE_TRACK_SWITCH,
    ] as const) {
      coming.on(event, () => this.#events.onTracks());
    }
    // Here hls.js has made its own choice of a level's tracks.
    coming.on(Hls.Events.LEVEL_SWITCHING, () => {
      this.#keepLanguage(coming);
      this.#showSubtitles(coming);
    });
    coming.loadSource(this.#ring.current.url);
  }

  /** An edge may serve the playlist of a second ago: then what is there goes on, if it can. */
  #consider(coming: Hls): void {
    this.#coming = null;
    const lists = qualitiesOf(coming.levels).length;
    const goesOn = this.#active && this.#active !== this.#failed;
    if (goesOn && this.#missesVariants(coming) && lists <= this.qualities.length) coming.destroy();
    else this.#takeOver(coming);
    this.#catchUp();
  }

  #takeOver(coming: Hls): void {
    const position = this.#position;
    const transferred = this.#active?.transferMedia();
    const media = transferred?.mediaSource ? transferred : null;
    this.#active?.destroy();
    this.#active = coming;
    this.#missed.clear();
    if (this.#chosen) coming.loadLevel = this.#chosenLevel(coming);
    coming.attachMedia(media ?? this.#video);
    // Else hls.js seeks there as soon as something arrives, wherever the viewer has gone since.
    coming.startLoad(position, media !== null && this.#shown !== null);
    this.#events.onTracks();
  }

  get #position(): number {
    return this.#shown ? this.#video.currentTime : this.#startSeconds;
  }

  #show(level: Level | undefined): void {
    this.#shown = level ? qualityOf(level) : null;
    this.#events.onQuality();
  }

  #chosenLevel(hls: Hls): number {
    return hls.levels.findIndex((level) => qualityOf(level).lines === this.#chosen?.lines);
  }

  #keepLanguage(hls: Hls): void {
    const track = hls.audioTracks.findIndex(({ name }) => name === this.#spoken);
    if (track >= 0 && hls.audioTrack !== track) hls.audioTrack = track;
  }

  /** Forced subtitles are nobody's choice. */
  #choosable(): MediaPlaylist[] {
    return this.#active?.subtitleTracks.filter(({ forced }) => !forced) ?? [];
  }

  /** Shows the chosen subtitles; without any, those that are forced in the language spoken. */
  #showSubtitles(hls: Hls): void {
    const spoken = hls.audioTracks[hls.audioTrack]?.lang;
    const isChosen = (track: MediaPlaylist) =>
      this.#captioned === undefined ? track.default : track.name === this.#captioned;
    const tracks = hls.subtitleTracks.filter(({ name }) => !this.#missed.has(name));
    const track =
      tracks.find((track) => !track.forced && isChosen(track)) ??
      tracks.find(({ forced, lang }) => forced && lang === spoken);
    const id = track?.id ?? -1;
    if (hls.subtitleTrack !== id) hls.subtitleTrack = id;
  }

  #react(hls: Hls, data: ErrorData): void {
    if (hls === this.#failed) return;
    if (isRefusal(data)) this.#events.onRefused();
    else if (isOfSubtitles(data)) this.#doWithoutSubtitles(hls);
    else if (LOAD_FAILURES.has(data.details)) this.#failOver(hls);
    else if (this.#broken.mayBeWholeElsewhere(data)) this.#failOver(hls);
    else if (needsNewMediaSource(data)) this.#beginAnew(hls, suspectsOf(data, hls, this.#position));
    else if (data.fatal) this.#failOver(hls);
  }

  /** The picture goes on without them, until the viewer or another source brings them back. */
  #doWithoutSubtitles(hls: Hls): void {
    const missed = hls.subtitleTracks.find(({ id }) => id === hls.subtitleTrack);
    if (!missed) return;
    this.#missed.add(missed.name);
    this.#showSubtitles(hls);
    this.#events.onSubtitlesMissed();
  }

  /** Goes on at the next source with nothing that is buffered, where the viewer is. */
  #beginAnew(hls: Hls, suspects: readonly Segment[]): void {
    if (hls === this.#active) {
      for (const suspect of suspects) this.#broken.count(suspect);
      // hls.js never begins where no quality has a segment.
      const position = this.#position;
      const next = [...segmentsDecodedAt(hls, position), ...suspects];
      this.#startSeconds = this.#broken.past(next, position);
      this.#shown = null;
      this.#renewal.renew(() => hls.detachMedia());
    }
    this.#failOver(hls);
  }

  #beginAnewAtFailure(): void {
    const active = this.#active;
    if (this.#video.error && active && active !== this.#failed) {
      this.#beginAnew(active, segmentsDecodedAt(active, this.#position));
    }
  }

  /** Goes on at the next source. What else of a failed one fails after that is no news. */
  #failOver(hls: Hls): void {
    hls.stopLoad();
    if (hls === this.#active) {
      this.#failed = hls;
      if (this.#coming) return;
    }
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

/** No other source gives the key either to who holds no token for it. */
function isRefusal({ details, response }: ErrorData): boolean {
  return details === Hls.ErrorDetails.KEY_LOAD_ERROR && response?.code === FORBIDDEN;
}

/** Asking for a header that CORS hides is an error in the console; listing the visible ones is not. */
function cacheStatus(request: unknown): string | null {
  if (!(request instanceof XMLHttpRequest)) return null;
  return /^cache-status: (.*)$/im.exec(request.getAllResponseHeaders())?.[1] ?? null;
}

function qualityOf(level: Level): Quality {
  return { lines: Math.min(level.width, level.height), bitsPerSecond: level.bitrate };
}

/** One quality for each size, whatever the codecs that offer it. */
function qualitiesOf(levels: readonly Level[]): Quality[] {
  const byLines = new Map<number, Quality>();
  for (const quality of levels.map(qualityOf)) {
    if (!byLines.has(quality.lines)) byLines.set(quality.lines, quality);
  }
  return [...byLines.values()];
}
