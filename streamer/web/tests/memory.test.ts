import { expect, test } from "vitest";
import { type Positions, withPosition } from "../src/player/memory";

test("the newest position of a video replaces the older one", () => {
  const positions = withPosition(
    [
      ["a", 20],
      ["b", 30],
    ],
    "a",
    40,
    100,
  );
  expect(positions).toEqual([
    ["b", 30],
    ["a", 40],
  ]);
});

test("the beginning and the end are not worth remembering", () => {
  expect(withPosition([["a", 20]], "a", 3, 100)).toEqual([]);
  expect(withPosition([["a", 20]], "a", 97, 100)).toEqual([]);
});

test("only the last hundred videos are remembered", () => {
  let positions: Positions = [];
  for (let index = 0; index < 150; index += 1) {
    positions = withPosition(positions, `video${index}`, 50, 100);
  }
  expect(positions).toHaveLength(100);
  expect(positions[0]?.[0]).toBe("video50");
});
