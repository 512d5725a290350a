import Hls, { type ErrorData } from "hls.js";
import { expect, test } from "vitest";
import { BrokenSegments } from "../src/player/broken-segments";

const { FRAG_PARSING_ERROR, FRAG_DECRYPT_ERROR, FRAG_LOAD_ERROR } = Hls.ErrorDetails;

function failureOf(url: string, details: string = FRAG_PARSING_ERROR): ErrorData {
  return { details, frag: { url } } as ErrorData;
}

test("each source is asked for a segment, the first one twice, before it is given up", () => {
  const broken = new BrokenSegments(2);
  const sources = ["https://eu.example", "https://us.example", "https://eu.example"];
  const answers = sources.map((source) =>
    broken.mayBeWholeElsewhere(failureOf(`${source}/v/abc/240p/4.m4s`)),
  );
  expect(answers).toEqual([true, true, false]);
  expect(broken.mayBeWholeElsewhere(failureOf("https://eu.example/v/abc/240p/5.m4s"))).toBe(true);
});

test("what cannot be decrypted is no segment either, what did not arrive is another matter", () => {
  const url = "https://eu.example/v/abc/240p/4.m4s";
  const broken = new BrokenSegments(1);
  expect(broken.mayBeWholeElsewhere(failureOf(url, FRAG_LOAD_ERROR))).toBe(false);
  expect(broken.mayBeWholeElsewhere(failureOf(url, FRAG_DECRYPT_ERROR))).toBe(true);
  expect(broken.mayBeWholeElsewhere(failureOf(url, FRAG_DECRYPT_ERROR))).toBe(false);
});
