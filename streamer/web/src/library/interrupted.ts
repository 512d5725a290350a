/** Uploads that this browser began and did not end, as tus-js-client remembers them. */

const PREFIX = "tus::";

/** Whether choosing the same file again continues the upload of this video. */
export function canBeContinued(videoId: string): boolean {
  return Object.entries(localStorage).some(
    ([key, text]) => key.startsWith(PREFIX) && String(text).includes(`/${videoId}"`),
  );
}
