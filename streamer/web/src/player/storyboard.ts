/** Pictures of the timeline: a WebVTT file whose cues point into sprite sheets (`#xywh=`). */

import { clockToSeconds } from "./webvtt-time";

export interface Thumbnail {
  startSeconds: number;
  endSeconds: number;
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The thumbnails of a storyboard in time order; cues that point nowhere are left out. */
export function parseStoryboard(text: string, base: string): Thumbnail[] {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((line, index) => {
    const times = /^(\S+)\s+-->\s+(\S+)/.exec(line);
    const thumbnail = times && pointedAt(lines[index + 1] ?? "", base);
    if (!times || !thumbnail) return [];
    const startSeconds = clockToSeconds(times[1] ?? "");
    return [{ ...thumbnail, startSeconds, endSeconds: clockToSeconds(times[2] ?? "") }];
  });
}

/** The thumbnail for a time: the last one that starts before it; undefined where there is none. */
export function thumbnailAt(board: readonly Thumbnail[], seconds: number): Thumbnail | undefined {
  return board.findLast((thumbnail) => thumbnail.startSeconds <= seconds) ?? board[0];
}

type Region = Omit<Thumbnail, "startSeconds" | "endSeconds">;

function pointedAt(target: string, base: string): Region | null {
  const parts = /^(.+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/.exec(target.trim());
  if (!parts || !URL.canParse(parts[1] ?? "", base)) return null;
  const [x = 0, y = 0, width = 0, height = 0] = parts.slice(2).map(Number);
  return { sheet: new URL(parts[1] ?? "", base).href, x, y, width, height };
}
