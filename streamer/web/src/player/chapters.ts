/** The chapters of a video, marked on the scrub bar. */

import { el } from "../shared/dom";
import type { ChapterResource } from "../shared/video";

/** The chapter at a time; undefined where there is none. */
export function chapterAt(
  chapters: readonly ChapterResource[],
  seconds: number,
): ChapterResource | undefined {
  return chapters.findLast(
    (chapter) => chapter.start_seconds <= seconds && seconds < chapter.end_seconds,
  );
}

/** Where the scrub bar is marked, as shares of it: every beginning but the video's. */
export function marksOf(chapters: readonly ChapterResource[], durationSeconds: number): number[] {
  if (durationSeconds <= 0) return [];
  return chapters
    .map((chapter) => chapter.start_seconds / durationSeconds)
    .filter((share) => share > 0 && share < 1);
}

/** Draws the marks. */
export function drawMarks(parent: HTMLElement, marks: readonly number[]): void {
  parent.replaceChildren(
    ...marks.map((share) => {
      const mark = el("div");
      mark.style.left = `${share * 100}%`;
      return mark;
    }),
  );
}
