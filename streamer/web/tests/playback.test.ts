import { expect, test } from "vitest";
import { Playback } from "../src/player/playback";

function playbackOf(seconds: number): [Playback, EventTarget] {
  const ranges = (end: number) => ({ length: end > 0 ? 1 : 0, end: () => end });
  const element = Object.assign(new EventTarget(), {
    currentTime: 0,
    played: ranges(0),
    seekable: ranges(seconds),
  });
  return [new Playback(element as unknown as HTMLVideoElement), element];
}

test("media are under way once the viewer played them or sought in them", () => {
  const [played] = playbackOf(60);
  expect(played.isUnderWay).toBe(false);
  Object.assign(played.video.played, { length: 1 });
  expect(played.isUnderWay).toBe(true);
  const [sought] = playbackOf(60);
  sought.seekTo(30);
  expect(sought.isUnderWay).toBe(true);
});

test("media that replaced others are at their beginning again", () => {
  const [playback, element] = playbackOf(60);
  playback.seekTo(30);
  element.dispatchEvent(new Event("emptied"));
  expect(playback.isUnderWay).toBe(false);
});

test("there is no place in what is not there yet", () => {
  const [playback] = playbackOf(0);
  playback.seekTo(30);
  expect(playback.isUnderWay).toBe(false);
});
