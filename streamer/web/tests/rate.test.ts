import { expect, test } from "vitest";
import { bytesPerSecond, type Sample, withSample } from "../src/library/rate";
import { isPassing, titleOf } from "../src/library/transfer";

test("the rate is that of the last seconds", () => {
  let samples: Sample[] = [{ at: 0, sent: 0 }];
  for (let at = 1000; at <= 20_000; at += 1000) {
    samples = withSample(samples, { at, sent: at < 10_000 ? 0 : (at - 10_000) * 2 });
  }
  expect(bytesPerSecond(samples)).toBe(2000);
});

test("too little is known at first, and nothing when nothing moves", () => {
  expect(bytesPerSecond([])).toBeNull();
  expect(
    bytesPerSecond([
      { at: 0, sent: 0 },
      { at: 100, sent: 9 },
    ]),
  ).toBeNull();
  expect(
    bytesPerSecond([
      { at: 0, sent: 5 },
      { at: 1000, sent: 5 },
    ]),
  ).toBeNull();
});

test.each([
  ["Holiday_in the_Alps.final.mov", "Holiday in the Alps.final"],
  ["clip", "clip"],
  [".mp4", ".mp4"],
])("the file %s has the title %s", (filename, title) => {
  expect(titleOf(filename)).toBe(title);
});

test("what may pass by itself is tried again, a refusal is not", () => {
  expect([0, 409, 423, 429, 500, 507].every(isPassing)).toBe(true);
  expect([400, 401, 404, 413, 415].some(isPassing)).toBe(false);
});
