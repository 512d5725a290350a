import { expect, test } from "vitest";
import { chapterAt, marksOf } from "../src/player/chapters";

const CHAPTERS = [
  { start_seconds: 0, end_seconds: 10, title: "Opening" },
  { start_seconds: 10, end_seconds: 30, title: "Middle" },
];

test("a time is in the chapter that began last", () => {
  expect(chapterAt(CHAPTERS, 0)?.title).toBe("Opening");
  expect(chapterAt(CHAPTERS, 10)?.title).toBe("Middle");
  expect(chapterAt(CHAPTERS, 30)).toBeUndefined();
});

test("beginnings inside the video are marked", () => {
  expect(marksOf(CHAPTERS, 40)).toEqual([0.25]);
  expect(marksOf(CHAPTERS, 0)).toEqual([]);
  expect(marksOf(CHAPTERS, 10)).toEqual([]);
});
