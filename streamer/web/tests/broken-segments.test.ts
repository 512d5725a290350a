import Hls, {
  type ErrorData,
  type LoaderConfiguration,
  LoadStats,
  PlaylistLevelType,
  type PlaylistLoaderConstructor,
  type PlaylistLoaderContext,
} from "hls.js";
import { expect, test } from "vitest";
import {
  BrokenSegments,
  segmentsDecodedAt,
  suspectsOf,
  withGaps,
} from "../src/player/broken-segments";

const { FRAG_PARSING_ERROR, FRAG_DECRYPT_ERROR, FRAG_LOAD_ERROR } = Hls.ErrorDetails;

function failureOf(url: string, details: string = FRAG_PARSING_ERROR): ErrorData {
  const sn = Number.parseInt(url.split("/").pop() ?? "", 10);
  return { details, frag: { url, sn, type: "main" } } as ErrorData;
}

function playing(): Hls {
  const list = (name: string) => ({
    details: {
      fragments: [
        { url: `${name}/0`, start: 0, end: 4 },
        { url: `${name}/1`, start: 4, end: 8 },
      ],
    },
  });
  return {
    levels: [list("240p"), list("480p")],
    currentLevel: 1,
    audioTracks: [list("audio")],
    audioTrack: 0,
  } as unknown as Hls;
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

test("once a place is broken everywhere, each further rendition is asked for once", () => {
  const broken = new BrokenSegments(1);
  const isWorthATry = (rendition: string) =>
    broken.mayBeWholeElsewhere(failureOf(`https://eu.example/v/abc/${rendition}/4.m4s`));
  expect(["480p", "480p", "240p"].map(isWorthATry)).toEqual([true, false, false]);
});

test("a viewer goes on behind what is left out", () => {
  const broken = new BrokenSegments(1);
  const segments = [0, 1, 2].map((sn) => {
    const url = `https://eu.example/v/abc/240p/${sn}.m4s`;
    return { url, sn, type: PlaylistLevelType.MAIN, start: 4 * sn, end: 4 * sn + 4 };
  });
  for (const segment of segments.slice(0, 2)) broken.count(segment);
  expect(broken.past(segments, 3.5)).toBe(3.5);
  for (const segment of segments.slice(0, 2)) broken.count(segment);
  expect(broken.past(segments, 3.5)).toBe(8);
  expect(broken.past(segments, 9)).toBe(9);
});

test("what cannot be decrypted is no segment either, what did not arrive is another matter", () => {
  const url = "https://eu.example/v/abc/240p/4.m4s";
  const broken = new BrokenSegments(1);
  expect(broken.mayBeWholeElsewhere(failureOf(url, FRAG_LOAD_ERROR))).toBe(false);
  expect(broken.mayBeWholeElsewhere(failureOf(url, FRAG_DECRYPT_ERROR))).toBe(true);
  expect(broken.mayBeWholeElsewhere(failureOf(url, FRAG_DECRYPT_ERROR))).toBe(false);
});

test("a playlist says which segments are missing, and stays as it is else", () => {
  const playlist = "#EXTM3U\n#EXTINF:4,\n3.m4s\n#EXTINF:4,\n4.m4s?a=b\n#EXT-X-ENDLIST\n";
  const url = "https://eu.example/v/abc/240p/index.m3u8?token=t";
  const gaps = withGaps(playlist, url, new Set(["/v/abc/240p/4.m4s"]));
  expect(gaps).toBe(playlist.replace("4.m4s?", "#EXT-X-GAP\n4.m4s?"));
  expect(withGaps(playlist, url, new Set())).toBe(playlist);
});

test.each([
  ["a page", "<html>\n// sign in first\n//\nhttps://\n4.m4s\n</html>"],
  ["a playlist with lines that are no URLs", "#EXTM3U\n//\nhttps://\n3.m4s\n"],
])("%s instead of a playlist reaches hls.js, which tells of it", (_, answer) => {
  class Answering {
    load(
      ...[context, , callbacks]: Parameters<InstanceType<PlaylistLoaderConstructor>["load"]>
    ): void {
      callbacks.onSuccess({ url: context.url, data: answer }, new LoadStats(), context, null);
    }
  }
  const broken = new BrokenSegments(0);
  broken.mayBeWholeElsewhere(failureOf("https://eu.example/v/abc/240p/4.m4s"));
  const Loader = broken.playlistLoader(Answering as unknown as PlaylistLoaderConstructor);
  const received: unknown[] = [];
  new Loader(Hls.DefaultConfig).load(
    { url: "https://eu.example/v/abc/240p/index.m3u8" } as PlaylistLoaderContext,
    {} as LoaderConfiguration,
    { onSuccess: ({ data }) => received.push(data), onError() {}, onTimeout() {} },
  );
  expect(received).toEqual([answer]);
});

test("what a decoder fails at is picture or sound of what is shown, or of the next two seconds", () => {
  const urlsAt = (seconds: number) => segmentsDecodedAt(playing(), seconds).map(({ url }) => url);
  expect(urlsAt(1)).toEqual(["480p/0", "audio/0"]);
  expect(urlsAt(3)).toEqual(["480p/0", "480p/1", "audio/0", "audio/1"]);
  expect(urlsAt(7)).toEqual(["480p/1", "audio/1"]);
  expect(urlsAt(8)).toEqual([]);
});

test.each([
  Hls.ErrorDetails.BUFFER_STALLED_ERROR,
  Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE,
  Hls.ErrorDetails.BUFFER_ADD_CODEC_ERROR,
  Hls.ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR,
])("intact segments are not suspected: %s", (details) => {
  const { frag } = failureOf("https://eu.example/v/abc/240p/4.m4s");
  expect(suspectsOf({ details } as ErrorData, playing(), 1)).toEqual([]);
  expect(suspectsOf({ details, frag } as ErrorData, playing(), 1)).toEqual([]);
});

test("what could not be appended is suspected, else all that is being decoded", () => {
  const failure = failureOf(
    "https://eu.example/v/abc/240p/4.m4s",
    Hls.ErrorDetails.BUFFER_APPEND_ERROR,
  );
  expect(suspectsOf(failure, playing(), 1)).toEqual([failure.frag]);
  const reset = { details: Hls.ErrorDetails.MEDIA_SOURCE_REQUIRES_RESET } as ErrorData;
  expect(suspectsOf(reset, playing(), 1)).toEqual(segmentsDecodedAt(playing(), 1));
});
