/** What this session received, segment by segment, and which cache it came from. */

import type { CacheVisit } from "./cache-status";

const RECENT = 40;

export interface Delivery {
  visit: CacheVisit | null;
  /** Milliseconds from the request to the first byte. */
  ttfbMs: number;
  bytes: number;
}

export interface DeliverySummary {
  segments: number;
  bytes: number;
  hits: number;
  prefetchedHits: number;
  /** 0–1; null before the first segment. */
  hitRatio: number | null;
  /** The cache that served the last segment; null when none named itself. */
  servedBy: CacheVisit | null;
  recentTtfbMs: number[];
}

export const NOTHING_DELIVERED: DeliverySummary = {
  segments: 0,
  bytes: 0,
  hits: 0,
  prefetchedHits: 0,
  hitRatio: null,
  servedBy: null,
  recentTtfbMs: [],
};

/** The summary with one more segment. */
export function withDelivery(summary: DeliverySummary, delivery: Delivery): DeliverySummary {
  const { visit } = delivery;
  const segments = summary.segments + 1;
  const hits = summary.hits + Number(visit?.hit ?? false);
  return {
    segments,
    bytes: summary.bytes + delivery.bytes,
    hits,
    prefetchedHits: summary.prefetchedHits + Number(Boolean(visit?.hit && visit.prefetched)),
    hitRatio: hits / segments,
    servedBy: visit,
    recentTtfbMs: [...summary.recentTtfbMs, delivery.ttfbMs].slice(-RECENT),
  };
}
