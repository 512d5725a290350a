/**
 * Segments that arrive as something else, as from a proxy that answers with a page of its own.
 *
 * hls.js leaves them out. So it may, but not before every source was asked: the fault may be one's.
 */

import Hls, { type ErrorData } from "hls.js";

const DETAILS: ReadonlySet<string> = new Set([
  Hls.ErrorDetails.FRAG_PARSING_ERROR,
  Hls.ErrorDetails.FRAG_DECRYPT_ERROR,
]);

export class BrokenSegments {
  readonly #sources: number;
  readonly #arrivals = new Map<string, number>();

  constructor(sources: number) {
    this.#sources = sources;
  }

  /** Whether an error is one of a segment that another source, or this one again, may give whole. */
  mayBeWholeElsewhere({ details, frag }: ErrorData): boolean {
    if (!frag || !DETAILS.has(details)) return false;
    const { pathname } = new URL(frag.url);
    const arrivals = (this.#arrivals.get(pathname) ?? 0) + 1;
    this.#arrivals.set(pathname, arrivals);
    return arrivals <= this.#sources;
  }
}
