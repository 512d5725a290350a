/**
 * Subtitles that cannot be loaded stop nothing else.
 *
 * hls.js stops all its loading where no other variant has the same subtitles, and a segment that
 * it was decrypting or appending at that moment is never asked for again (1.7.4).
 */

import Hls, { type ErrorData, type Events, LoaderContextType, PlaylistLevelType } from "hls.js";

/** Whether an error of hls.js is one of subtitles alone. */
export function isOfSubtitles({ frag, context }: ErrorData): boolean {
  return (
    frag?.type === PlaylistLevelType.SUBTITLE || context?.type === LoaderContextType.SUBTITLE_TRACK
  );
}

/** What decides what an error costs hls.js: one of subtitles, nothing. */
export class ErrorController extends Hls.DefaultConfig.errorController {
  override onErrorOut(event: Events.ERROR, data: ErrorData): void {
    if (!isOfSubtitles(data)) super.onErrorOut(event, data);
  }
}
