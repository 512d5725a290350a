import { describe, expect, test } from "vitest";
import { ago, bitRate, bytes, clock, spokenClock, timeLeft } from "../src/shared/format";

test.each([
  [0, "0:00"],
  [7.9, "0:07"],
  [247, "4:07"],
  [3729, "1:02:09"],
  [-3, "0:00"],
])("clock(%d) is %s", (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});

test.each([
  [0, "0 seconds"],
  [61, "1 minute 1 second"],
  [7200, "2 hours"],
])("spokenClock(%d) is %s", (seconds, text) => {
  expect(spokenClock(seconds)).toBe(text);
});

test.each([
  [812, "812 B"],
  [999.6, "1.0 kB"],
  [1_449_000, "1.4 MB"],
  [23_400_000_000, "23 GB"],
  [5e16, "50000 TB"],
])("bytes(%d) is %s", (count, text) => {
  expect(bytes(count)).toBe(text);
});

test("bit rates count bits", () => {
  expect(bitRate(4_200_000)).toBe("4.2 Mbit/s");
});

test.each([
  [3, "a few seconds left"],
  [43, "45 s left"],
  [190, "3 min left"],
  [7500, "2 h 5 min left"],
])("timeLeft(%d) is %s", (seconds, text) => {
  expect(timeLeft(seconds)).toBe(text);
});

describe("ago", () => {
  const now = new Date("2026-03-10T12:00:00Z");
  test.each([
    ["2026-03-10T11:59:30Z", "just now"],
    ["2026-03-10T11:55:00Z", "5 minutes ago"],
    ["2026-03-09T11:00:00Z", "yesterday"],
    ["2025-12-24T12:00:00Z", "Dec 24, 2025"],
  ])("%s is %s", (date, text) => {
    expect(ago(new Date(date), now)).toBe(text);
  });
});
