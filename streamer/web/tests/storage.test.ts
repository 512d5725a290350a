import { expect, test } from "vitest";
import { TextStorage } from "../src/shared/storage";

/** As browsers answer for pages whose site data is blocked. */
function blocked(): Storage {
  throw new DOMException("Access is denied for this document.", "SecurityError");
}

test("where site data is blocked a text lasts as long as the page", () => {
  const texts = new TextStorage(blocked);
  expect(texts.get("theme")).toBeNull();
  texts.set("theme", "dark");
  expect(texts.get("theme")).toBe("dark");
  expect(texts.entries()).toEqual([["theme", "dark"]]);
  expect(new TextStorage(blocked).get("theme")).toBeNull();
});
