import { expect, test } from "vitest";
import { awaitsVariants, publishedVariants } from "../src/player/growth";
import { explanationOf, statusOf } from "../src/shared/status";
import { isFinal, type VideoResource } from "../src/shared/video";

const VIDEO: VideoResource = {
  id: "abcdefgh",
  title: "Clip",
  state: "packaging",
  playable: false,
  progress: 0.426,
  duration_seconds: 60,
  renditions: [
    { name: "240p", kind: "video", width: 426, height: 240, segments: 3 },
    { name: "720p", kind: "video", width: 1280, height: 720, segments: 0 },
    { name: "audio-und", kind: "audio", width: null, height: null, segments: 3 },
  ],
  error: null,
  playback: { hls: "/v/abcdefgh/index.m3u8", dash: "", player: "" },
  created_at: "2026-01-01T00:00:00Z",
  playable_at: null,
  ready_at: null,
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
