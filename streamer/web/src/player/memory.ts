/** What the player remembers between visits: loudness, and where each video was left. */

import { inBrowser } from "../shared/storage";

const VOLUME = "streamer.volume";
const POSITIONS = "streamer.positions";
const MOST_POSITIONS = 100;
/** Closer to the beginning or the end, a video starts over. */
const MARGIN_SECONDS = 8;

export type Positions = readonly (readonly [videoId: string, seconds: number])[];

/** The positions with this one newest; forgotten near the beginning and the end of the video. */
export function withPosition(
  positions: Positions,
  videoId: string,
  seconds: number,
  durationSeconds: number,
): Positions {
  const others = positions.filter(([id]) => id !== videoId);
  const worthKeeping = seconds > MARGIN_SECONDS && seconds < durationSeconds - MARGIN_SECONDS;
  return worthKeeping ? [...others, [videoId, seconds] as const].slice(-MOST_POSITIONS) : others;
}

/** Where the video was left, in seconds; 0 for the beginning. */
export function rememberedPosition(videoId: string): number {
  return storedPositions().find(([id]) => id === videoId)?.[1] ?? 0;
}

/** Keeps where the video is now. */
export function rememberPosition(videoId: string, seconds: number, durationSeconds: number): void {
  const positions = withPosition(storedPositions(), videoId, seconds, durationSeconds);
  inBrowser.set(POSITIONS, JSON.stringify(positions));
}

/** Gives the element the loudness of the last visit and keeps what it becomes. */
export function rememberVolume(video: HTMLVideoElement): void {
  const { volume, muted } = stored(VOLUME, { volume: 1, muted: false });
  video.volume = Math.min(1, Math.max(0, Number(volume) || 0));
  video.muted = Boolean(muted);
  video.addEventListener("volumechange", () => {
    inBrowser.set(VOLUME, JSON.stringify({ volume: video.volume, muted: video.muted }));
  });
}

function storedPositions(): Positions {
  const positions = stored<unknown>(POSITIONS, []);
  return Array.isArray(positions) ? positions : [];
}

function stored<T>(key: string, otherwise: T): T {
  try {
    return JSON.parse(inBrowser.get(key) ?? "") as T;
  } catch {
    return otherwise;
  }
}
