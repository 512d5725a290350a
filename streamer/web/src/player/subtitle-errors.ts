/** Subtitles that cannot be loaded stop nothing else. */

import { type ErrorData, LoaderContextType, PlaylistLevelType } from "hls.js";

/** Whether an error of hls.js is one of subtitles alone. */
export function isOfSubtitles({ frag, context }: ErrorData): boolean {
  return (
    frag?.type === PlaylistLevelType.SUBTITLE || context?.type === LoaderContextType.SUBTITLE_TRACK
  );
}
