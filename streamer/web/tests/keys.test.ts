import { expect, test } from "vitest";
import { commandFor } from "../src/player/keys";

const PLAIN = { ctrlKey: false, altKey: false, metaKey: false };

test.each([
  [" ", { do: "toggle" }],
  ["K", { do: "toggle" }],
  ["j", { do: "seekBy", amount: -10 }],
  ["ArrowRight", { do: "seekBy", amount: 5 }],
  ["7", { do: "seekTo", fraction: 0.7 }],
  [">", { do: "speedBy", amount: 1 }],
  ["?", { do: "help" }],
])("%s", (key, command) => {
  expect(commandFor({ ...PLAIN, key })).toEqual(command);
});

test("other keys and the browser's own shortcuts are left alone", () => {
  expect(commandFor({ ...PLAIN, key: "x" })).toBeNull();
  expect(commandFor({ ...PLAIN, key: "Tab" })).toBeNull();
  expect(commandFor({ ...PLAIN, key: "f", ctrlKey: true })).toBeNull();
  expect(commandFor({ ...PLAIN, key: "ArrowLeft", altKey: true })).toBeNull();
});
