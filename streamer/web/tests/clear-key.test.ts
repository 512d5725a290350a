import { expect, test } from "vitest";
import { keyIds, withoutKeys } from "../src/player/clear-key";

const URL_OF_ALL = "https://edge.example/v/abc/240p/index.m3u8?token=1.x";
const MAP = '#EXT-X-MAP:URI="init.mp4"\n';
const SEGMENT = "#EXTINF:4,\n0.m4s\n";

test("keys of samples are taken out of a playlist", () => {
  const key = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="../key?kid=0f",IV=0x00,KEYFORMAT="identity"\n';
  const { playlist, keyUrls } = withoutKeys(MAP + key + SEGMENT, URL_OF_ALL);
  expect(playlist).toBe(MAP + SEGMENT);
  expect(keyUrls.map(String)).toEqual(["https://edge.example/v/abc/key?kid=0f"]);
});

test("keys of whole segments stay", () => {
  const text = `${MAP}#EXT-X-KEY:METHOD=AES-128,URI="../key"\n${SEGMENT}`;
  expect(withoutKeys(text, URL_OF_ALL)).toEqual({ playlist: text, keyUrls: [] });
});

test("a key is asked for in the alphabet of URLs, without padding", () => {
  const request = JSON.parse(new TextDecoder().decode(keyIds("fbff00")));
  expect(request).toEqual({ kids: ["-_8A"] });
  expect(JSON.parse(new TextDecoder().decode(keyIds("fb")))).toEqual({ kids: ["-w"] });
});
