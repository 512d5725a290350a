/** What the player needs of a stream, whoever plays it. */

import type { RenditionResource } from "../shared/video";
import type { Delivery } from "./deliveries";
import type { Source } from "./sources";

export interface Quality {
  /** The shorter side, which names it: 720 for 1280 × 720 and for 720 × 1280. */
  lines: number;
  bitsPerSecond: number;
}

export interface StreamEvents {
  /** The list of qualities, languages or subtitles changed, or which of them is chosen. */
  onTracks: () => void;
  /** Another quality is on the screen. */
  onQuality: () => void;
  onDelivered: (delivery: Delivery) => void;
  /** The source does not give the subtitles: they are not shown any more. */
  onSubtitlesMissed: () => void;
  /** The source failed; the next one is being used. */
  onFailover: () => void;
  /** Its key is for others: there is nothing left to try. */
  onRefused: () => void;
}

export interface Stream {
  /** Where it is loaded from now. */
  readonly source: Source;
  readonly qualities: readonly Quality[];
  /** The quality on the screen; null before the first picture. */
  readonly shown: Quality | null;
  /** The names of the audio languages. */
  readonly languages: readonly string[];
  readonly language: number;
  /** The names of the subtitles that one may choose. */
  readonly subtitles: readonly string[];
  /** The index of those on the screen; -1 for none. */
  readonly subtitle: number;
  /** The kinds of the media element's own text tracks that the viewer may show or hide. */
  readonly captionKinds: readonly TextTrackKind[];
  /** Measured bits a second; null before anything was. */
  readonly bandwidth: number | null;
  start(positionSeconds: number): void;
  /** Fixes the quality; null leaves the choice to the measured bandwidth. */
  choose(quality: Quality | null): void;
  speak(language: number): void;
  /** Shows subtitles; -1 for none. */
  caption(subtitle: number): void;
  /** Takes in what is published by now, which the playlists that were read may lack. */
  follow(renditions: readonly RenditionResource[]): void;
  /** Lets go of the media element, until it is started again. */
  stop(): void;
}
