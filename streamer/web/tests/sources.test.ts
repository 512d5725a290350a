import { describe, expect, test } from "vitest";
import { eligibleEdges, SourceRing, sourcesFor } from "../src/player/sources";

const EU = { id: "1", region: "eu", url: "http://127.0.0.1:8081", version: "1" };
const US = { id: "2", region: "us", url: "https://us.example:443/", version: "1" };
const PLAYBACK = new URL("http://127.0.0.1:8080/v/abc/index.m3u8?x=1");

describe("eligibleEdges", () => {
  test("without a wish all edges are", () => {
    expect(eligibleEdges([EU, US], { edge: null, region: null })).toEqual([EU, US]);
  });
  test("a region narrows them", () => {
    expect(eligibleEdges([EU, US], { edge: null, region: "us" })).toEqual([US]);
  });
  test("an edge is named by its origin, whatever the spelling", () => {
    expect(eligibleEdges([EU, US], { edge: "https://us.example", region: "eu" })).toEqual([US]);
  });
  test("an address that no living edge has is not used", () => {
    const wish = { edge: "https://evil.example", region: null };
    expect(eligibleEdges([EU, US], wish)).toEqual([EU, US]);
    expect(eligibleEdges([EU], { edge: "not a url", region: null })).toEqual([EU]);
  });
});

test("the origin is the last source", () => {
  expect(sourcesFor(PLAYBACK, [EU, US])).toEqual([
    { url: "http://127.0.0.1:8081/v/abc/index.m3u8?x=1", region: "eu" },
    { url: "https://us.example/v/abc/index.m3u8?x=1", region: "us" },
    { url: PLAYBACK.href, region: null },
  ]);
});

describe("SourceRing", () => {
  test("a failure moves on at once, a failed round waits longer each time", () => {
    const ring = new SourceRing(sourcesFor(PLAYBACK, [EU]));
    expect(ring.fail()).toBe(0);
    expect(ring.current.region).toBeNull();
    expect([ring.fail(), ring.fail(), ring.fail()]).toEqual([500, 500, 1000]);
    expect(ring.current.region).toBe("eu");
  });
  test("success forgets failures", () => {
    const ring = new SourceRing(sourcesFor(PLAYBACK, []));
    expect(ring.fail()).toBe(500);
    ring.succeed();
    expect(ring.fail()).toBe(500);
  });
  test("the pause has a limit", () => {
    const ring = new SourceRing(sourcesFor(PLAYBACK, []));
    const pauses = Array.from({ length: 20 }, () => ring.fail());
    expect(Math.max(...pauses)).toBe(8000);
  });
});
