import { expect, test } from "vitest";
import { patienceMs } from "../src/shared/api";

test("what is sent may take as long as a slow line needs for it", () => {
  const largestSubtitlesBytes = 4 * 2 ** 20;
  const bytesPerSecond = 100_000 / 8;
  expect(patienceMs(largestSubtitlesBytes)).toBeGreaterThan(
    (largestSubtitlesBytes / bytesPerSecond) * 1000,
  );
  expect(patienceMs(0)).toBe(20_000);
});
