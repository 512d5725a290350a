/** Uploads that this browser began and did not end, as tus-js-client remembers them. */

import { inBrowser } from "../shared/storage";

const PREFIX = "tus::";

/** Whether choosing the same file again continues the upload of this video. */
export function canBeContinued(videoId: string): boolean {
  return inBrowser
    .entries()
    .some(([key, text]) => key.startsWith(PREFIX) && text.includes(`/${videoId}"`));
}
