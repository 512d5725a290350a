import { expect, test } from "vitest";
import { sparklinePoints } from "../src/player/sparkline";

const SIZE = { width: 100, height: 20, places: 11 };

test("the newest value is at the right, the highest at the top", () => {
  expect(sparklinePoints([0, 40, 20], SIZE)).toBe("80.0,20.0 90.0,0.0 100.0,10.0");
});

test("nothing is drawn from nothing", () => {
  expect(sparklinePoints([], SIZE)).toBe("");
});
