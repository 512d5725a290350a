/** Stats for engineers: where the segments came from and how playback is doing. */

import { el } from "../shared/dom";
import { bitRate, bytes } from "../shared/format";
import type { DeliverySummary } from "./deliveries";
import type { Playback } from "./playback";
import { sparklinePoints } from "./sparkline";
import type { Stream } from "./stream";

const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 160, height: 28, places: 40 };
const REDRAW_MS = 500;

export interface Health {
  stalls: number;
  failovers: number;
  deliveries: DeliverySummary;
}

export class Overlay {
  readonly #element: HTMLElement;
  readonly #stream: Stream;
  readonly #playback: Playback;
  readonly #health: () => Health;
  readonly #values = new Map<string, HTMLElement>();
  readonly #line = document.createElementNS(SVG, "polyline");
  #timer = 0;

  constructor(element: HTMLElement, stream: Stream, playback: Playback, health: () => Health) {
    this.#element = element;
    this.#stream = stream;
    this.#playback = playback;
    this.#health = health;
  }

  get open(): boolean {
    return !this.#element.hidden;
  }

  /** Shows or hides it. */
  toggle(): void {
    this.#element.hidden = this.open;
    clearInterval(this.#timer);
    if (!this.open) return;
    this.draw();
    this.#timer = window.setInterval(() => this.draw(), REDRAW_MS);
  }

  /** Brings the figures up to date. */
  draw(): void {
    if (!this.open) return;
    if (!this.#element.firstChild) this.#build();
    for (const [name, value] of this.#rows()) this.#set(name, value);
    const ttfb = this.#health().deliveries.recentTtfbMs;
    this.#line.setAttribute("points", sparklinePoints(ttfb, CHART));
    this.#set("First byte", ttfb.length > 0 ? `${Math.round(ttfb.at(-1) ?? 0)} ms` : "none yet");
  }

  #rows(): [string, string][] {
    const { video, bufferedSeconds } = this.#playback;
    const { deliveries, stalls, failovers } = this.#health();
    const { shown, bandwidth, source } = this.#stream;
    const quality = video.getVideoPlaybackQuality();
    return [
      ["Served by", servedBy(deliveries, source.region)],
      ["Edge hits", ratio(deliveries)],
      ["Prefetched", `${deliveries.prefetchedHits} segments`],
      ["Received", `${deliveries.segments} segments, ${bytes(deliveries.bytes)}`],
      ["Buffer", `${bufferedSeconds.toFixed(1)} s`],
      ["Bandwidth", bandwidth ? bitRate(bandwidth) : "measuring"],
      ["Quality", shown ? `${shown.lines}p at ${bitRate(shown.bitsPerSecond)}` : "none yet"],
      ["Frames", `${quality.droppedVideoFrames} of ${quality.totalVideoFrames} dropped`],
      ["Stalls", failovers > 0 ? `${stalls} (source changed ${failovers}×)` : String(stalls)],
    ];
  }

  #build(): void {
    const names = [...this.#rows().map(([name]) => name), "First byte"];
    const list = el("dl");
    for (const name of names) {
      const value = el("dd", { "data-stat": name });
      this.#values.set(name, value);
      list.append(el("dt", {}, name), value);
    }
    const chart = document.createElementNS(SVG, "svg");
    chart.setAttribute("viewBox", `0 -2 ${CHART.width} ${CHART.height + 4}`);
    chart.setAttribute("class", "sparkline");
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", "Time to first byte of recent segments");
    chart.append(this.#line);
    this.#element.append(list, chart);
  }

  #set(name: string, value: string): void {
    const element = this.#values.get(name);
    if (element && element.textContent !== value) element.textContent = value;
  }
}

function servedBy({ servedBy: visit, segments }: DeliverySummary, region: string | null): string {
  if (segments === 0) return "nothing yet";
  if (!visit) return "the origin";
  const place = visit.region ?? region;
  return place && !visit.cache.includes(place) ? `${visit.cache} (${place})` : visit.cache;
}

function ratio({ hitRatio, hits, segments }: DeliverySummary): string {
  return hitRatio === null ? "none yet" : `${Math.round(hitRatio * 100)}% (${hits} of ${segments})`;
}
