import { expect, test } from "vitest";
import { awaitsVariants, publishedVariants } from "../src/player/growth";
import { explanationOf, remarksOn, statusOf } from "../src/shared/status";
import { isFinal, type VideoResource } from "../src/shared/video";

const VIDEO: VideoResource = {
  id: "abcdefgh",
  title: "Clip",
  state: "packaging",
  playable: false,
  progress: 0.426,
  duration_seconds: 60,
  renditions: [
    { name: "240p", kind: "video", codecs: "avc1.64001e", width: 426, height: 240, segments: 3 },
    { name: "720p", kind: "video", codecs: "avc1.64001f", width: 1280, height: 720, segments: 0 },
    {
      name: "audio-und",
      kind: "audio",
      codecs: "mp4a.40.2",
      width: null,
      height: null,
      segments: 3,
    },
  ],
  error: null,
  playback: { hls: "/v/abcdefgh/index.m3u8", dash: "", player: "" },
  created_at: "2026-01-01T00:00:00Z",
  playable_at: null,
  ready_at: null,
  repackaging: null,
  warnings: [],
  chapters: [],
};

test("a playable video says so with its progress while it is packaged", () => {
  expect(statusOf(VIDEO)).toEqual({ label: "Packaging", tone: "busy" });
  expect(statusOf({ ...VIDEO, playable: true })).toEqual({
    label: "Playable · 42%",
    tone: "good",
  });
});

test("a failed video gives its reason", () => {
  const error = { code: "not_a_video", message: "This is a text file." };
  const failed: VideoResource = { ...VIDEO, state: "failed", error };
  expect(explanationOf(failed)).toBe("This is a text file.");
  expect(isFinal(failed)).toBe(true);
});

test("a variant is listed once it has a segment", () => {
  expect(publishedVariants(VIDEO.renditions)).toBe(1);
  expect(awaitsVariants(VIDEO.renditions)).toBe(true);
});

test("a size is one quality, whatever its codecs", () => {
  const [low, high] = VIDEO.renditions;
  if (!low || !high) throw new Error("the clip has two");
  const better = { ...low, name: "240p-av1", codecs: "av01.0.01M.08" };
  expect(publishedVariants([low, better])).toBe(1);
  expect(awaitsVariants([low, better])).toBe(false);
});

test("a new version is told with its progress, until it is there or given up", () => {
  const ready: VideoResource = { ...VIDEO, state: "ready", playable: true };
  const anew = { ...ready, repackaging: { version: 2, progress: 0.4, error: null } };
  expect(statusOf(anew).label).toBe("Ready · new version 40%");
  expect([isFinal(ready), isFinal(anew)]).toEqual([true, false]);
  const error = { code: "internal", message: "It broke." };
  const givenUp = { ...ready, repackaging: { version: 2, progress: 0.4, error } };
  expect([statusOf(givenUp).label, remarksOn(givenUp)]).toEqual(["Ready", "It broke."]);
  expect(isFinal(givenUp)).toBe(true);
});

test("warnings are told", () => {
  expect(remarksOn({ ...VIDEO, warnings: ["The file ends early."] })).toBe("The file ends early.");
  expect(remarksOn(VIDEO)).toBe("");
});
