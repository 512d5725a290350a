import { expect, test } from "vitest";
import { nearestVisit } from "../src/player/cache-status";

test("no header, no visit", () => {
  expect(nearestVisit(null)).toBeNull();
  expect(nearestVisit("")).toBeNull();
});

test("the last member is the cache nearest to the viewer", () => {
  const visit = nearestVisit("shield; fwd=uri-miss; stored, edge-eu; hit; ttl=31535990");
  expect(visit).toEqual({ cache: "edge-eu", hit: true, prefetched: false, region: null });
});

test("a hit that was prefetched says so", () => {
  expect(nearestVisit("edge-eu;hit;ttl=5;detail=prefetched")?.prefetched).toBe(true);
});

test("a miss and an explicit false are no hits", () => {
  expect(nearestVisit("edge-eu; fwd=uri-miss; stored")?.hit).toBe(false);
  expect(nearestVisit("edge-eu; hit=?0")?.hit).toBe(false);
});

test("separators inside quoted strings do not separate", () => {
  const visit = nearestVisit('"edge, one; two"; hit; region="eu-west"');
  expect(visit).toMatchObject({ cache: "edge, one; two", hit: true, region: "eu-west" });
});
