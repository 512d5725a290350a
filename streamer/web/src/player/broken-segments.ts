/**
 * Segments that arrive as something else, as from a proxy that answers with a page of its own, or
 * with media that cannot be decoded.
 *
 * They may be left out, but not before every source was asked: the fault may be one's.
 */

import Hls, { type ErrorData, type PlaylistLoaderConstructor } from "hls.js";

const DETAILS: ReadonlySet<string> = new Set([
  Hls.ErrorDetails.FRAG_PARSING_ERROR,
  Hls.ErrorDetails.FRAG_DECRYPT_ERROR,
]);
/** The browser could not take or decode media. A stall, a hole or a missing codec says nothing of any segment. */
const UNDECODABLE: ReadonlySet<string> = new Set([
  Hls.ErrorDetails.MEDIA_SOURCE_REQUIRES_RESET,
  Hls.ErrorDetails.BUFFER_APPEND_ERROR,
  Hls.ErrorDetails.BUFFER_APPENDING_ERROR,
]);
/** Sound is decoded up to a second before it is heard, at twice the speed. */
const DECODED_AHEAD_SECONDS = 2;

export type Segment = Pick<NonNullable<ErrorData["frag"]>, "url" | "type" | "sn" | "start" | "end">;

export class BrokenSegments {
  readonly #sources: number;
  /** How often something broken arrived for a place, in whichever rendition. */
  readonly #arrivals = new Map<string, number>();
  /** The places of the segments that arrived broken, by their paths. */
  readonly #places = new Map<string, string>();

  constructor(sources: number) {
    this.#sources = sources;
  }

  /** Whether an error is one of a segment that another source, or this one again, may give whole. */
  mayBeWholeElsewhere({ details, frag }: ErrorData): boolean {
    if (!frag || !DETAILS.has(details)) return false;
    this.count(frag);
    return !this.#isBrokenEverywhere(pathOf(frag.url));
  }

  /** Takes note that a segment arrived broken. */
  count({ url, type, sn }: Segment): void {
    const place = `${type} ${sn}`;
    this.#places.set(pathOf(url), place);
    this.#arrivals.set(place, (this.#arrivals.get(place) ?? 0) + 1);
  }

  /** Where there is something to play, from a position that may be in one of these: in order. */
  past(segments: readonly Segment[], positionSeconds: number): number {
    return segments
      .filter(({ url }) => this.#isBrokenEverywhere(pathOf(url)))
      .reduce((seconds, { start, end }) => {
        return start <= seconds && seconds < end ? end : seconds;
      }, positionSeconds);
  }

  /** A loader of playlists in which those are gaps that no source gives whole. */
  playlistLoader(Base: PlaylistLoaderConstructor): PlaylistLoaderConstructor {
    const pathsOfGaps = () =>
      new Set([...this.#places.keys()].filter((path) => this.#isBrokenEverywhere(path)));
    return class extends Base {
      override load(
        ...[context, config, callbacks]: Parameters<InstanceType<typeof Base>["load"]>
      ) {
        super.load(context, config, {
          ...callbacks,
          onSuccess: (response, ...rest) => {
            const data = withGaps(String(response.data), context.url, pathsOfGaps());
            callbacks.onSuccess({ ...response, data }, ...rest);
          },
        });
      }
    };
  }

  #isBrokenEverywhere(path: string): boolean {
    return (this.#arrivals.get(this.#places.get(path) ?? "") ?? 0) > this.#sources;
  }
}

/**
 * A playlist that says of some segments, by their paths, that they are missing (RFC 8216bis §4.4.4.7).
 *
 * An answer that is no playlist stays as it is: hls.js tells of it.
 */
export function withGaps(text: string, url: string, gaps: ReadonlySet<string>): string {
  if (gaps.size === 0 || !text.startsWith("#EXTM3U")) return text;
  const isMissing = (line: string) =>
    line !== "" && !line.startsWith("#") && gaps.has(pathOf(line, url));
  const lines = text.split("\n");
  return lines.flatMap((line) => (isMissing(line) ? ["#EXT-X-GAP", line] : [line])).join("\n");
}

/** The segments of picture and sound in which a decoder can have failed when the viewer is at a position. */
export function segmentsDecodedAt(hls: Hls, positionSeconds: number): Segment[] {
  const aheadSeconds = positionSeconds + DECODED_AHEAD_SECONDS;
  return [hls.levels[hls.currentLevel], hls.audioTracks[hls.audioTrack]].flatMap(
    (playlist) =>
      playlist?.details?.fragments.filter(
        ({ start, end }) => start <= aheadSeconds && positionSeconds < end,
      ) ?? [],
  );
}

/** The segments of which an error may mean, when the viewer is at a position, that they arrived broken. */
export function suspectsOf(
  { details, frag }: ErrorData,
  hls: Hls,
  positionSeconds: number,
): Segment[] {
  if (!UNDECODABLE.has(details)) return [];
  return frag ? [frag] : segmentsDecodedAt(hls, positionSeconds);
}

/** The path that a URL leads to; empty if it is none. */
function pathOf(url: string, base?: string): string {
  try {
    return new URL(url, base).pathname;
  } catch {
    return "";
  }
}
