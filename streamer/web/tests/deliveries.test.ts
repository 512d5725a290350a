import { expect, test } from "vitest";
import { type Delivery, NOTHING_DELIVERED, withDelivery } from "../src/player/deliveries";

function delivery(hit: boolean, prefetched: boolean, ttfbMs = 5): Delivery {
  return { visit: { cache: "edge-eu", hit, prefetched, region: null }, ttfbMs, bytes: 1000 };
}

test("hits and prefetched hits are counted over the session", () => {
  const summary = [delivery(false, false), delivery(true, true), delivery(true, false)].reduce(
    withDelivery,
    NOTHING_DELIVERED,
  );
  expect(summary).toMatchObject({ segments: 3, bytes: 3000, hits: 2, prefetchedHits: 1 });
  expect(summary.hitRatio).toBeCloseTo(2 / 3);
  expect(summary.servedBy?.cache).toBe("edge-eu");
});

test("a segment straight from the origin is no hit", () => {
  const summary = withDelivery(NOTHING_DELIVERED, { visit: null, ttfbMs: 9, bytes: 1 });
  expect(summary).toMatchObject({ hits: 0, hitRatio: 0, servedBy: null });
});

test("only recent first-byte times are kept", () => {
  let summary = NOTHING_DELIVERED;
  for (let ttfb = 0; ttfb < 100; ttfb += 1) {
    summary = withDelivery(summary, delivery(true, false, ttfb));
  }
  expect(summary.recentTtfbMs).toHaveLength(40);
  expect(summary.recentTtfbMs.at(-1)).toBe(99);
});
