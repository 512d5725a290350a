/** What an error costs hls.js by itself. */

import Hls, { type ErrorData, type Events } from "hls.js";
import { isOfSubtitles } from "./subtitle-errors";

/** Whether nothing goes on without a new Media Source: this one takes nothing any more, or it stands still for good. */
export function needsNewMediaSource({ details, type, fatal }: ErrorData): boolean {
  return (
    details === Hls.ErrorDetails.MEDIA_SOURCE_REQUIRES_RESET ||
    (fatal && type === Hls.ErrorTypes.MEDIA_ERROR)
  );
}

/**
 * Leaves two kinds of errors to the stream: of subtitles, and those after which it begins anew.
 *
 * For the first hls.js stops all its loading where no other variant has the same subtitles, and a
 * segment that it was decrypting or appending at that moment is never asked for again (1.7.4). For
 * the second it begins anew at the same source, and the element is paused by that.
 */
export class ErrorController extends Hls.DefaultConfig.errorController {
  override onErrorOut(event: Events.ERROR, data: ErrorData): void {
    if (!isOfSubtitles(data) && !needsNewMediaSource(data)) super.onErrorOut(event, data);
  }
}
