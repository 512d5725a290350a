import { expect, test } from "vitest";
import { parseStoryboard, thumbnailAt } from "../src/player/storyboard";

const TEXT = `WEBVTT

00:00.000 --> 00:05.000
sprite-0000-abc.jpg#xywh=0,0,160,90

1
00:05.000 --> 00:10.000
sprite-0000-abc.jpg#xywh=160,0,160,90

00:10.000 --> 1:00:15.500
nothing here
`;

const BOARD = parseStoryboard(TEXT.replaceAll("\n", "\r\n"), "http://edge/v/id/storyboard.vtt");

test("cues become regions of sheets beside the file", () => {
  expect(BOARD).toHaveLength(2);
  expect(BOARD[1]).toEqual({
    startSeconds: 5,
    endSeconds: 10,
    sheet: "http://edge/v/id/sprite-0000-abc.jpg",
    x: 160,
    y: 0,
    width: 160,
    height: 90,
  });
});

test("a moment has the last thumbnail that began", () => {
  expect(thumbnailAt(BOARD, 4.9)?.x).toBe(0);
  expect(thumbnailAt(BOARD, 5)?.x).toBe(160);
  expect(thumbnailAt(BOARD, 99)?.x).toBe(160);
});

test("an empty board has none", () => {
  expect(parseStoryboard("WEBVTT", "http://edge/")).toEqual([]);
  expect(thumbnailAt([], 3)).toBeUndefined();
});
