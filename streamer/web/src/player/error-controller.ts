/** What an error costs hls.js by itself. */

import Hls, { type ErrorData, type Events } from "hls.js";
import { isOfSubtitles } from "./subtitle-errors";

/** Whether the browser met media that it cannot decode: the Media Source takes nothing any more. */
export function endsMediaSource({ details, type, fatal }: ErrorData): boolean {
  return (
    details === Hls.ErrorDetails.MEDIA_SOURCE_REQUIRES_RESET ||
    (fatal && type === Hls.ErrorTypes.MEDIA_ERROR)
  );
}

/**
 * Leaves two kinds of errors to the stream: of subtitles, and of media that cannot be decoded.
 *
 * For the first hls.js stops all its loading where no other variant has the same subtitles, and a
 * segment that it was decrypting or appending at that moment is never asked for again (1.7.4). For
 * the second it begins anew at the same source, and the element is paused by that.
 */
export class ErrorController extends Hls.DefaultConfig.errorController {
  override onErrorOut(event: Events.ERROR, data: ErrorData): void {
    if (!isOfSubtitles(data) && !endsMediaSource(data)) super.onErrorOut(event, data);
  }
}
