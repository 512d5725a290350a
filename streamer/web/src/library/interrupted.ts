/**
 * Uploads that this browser began and did not end, as tus-js-client remembers them, and whether a page is at them.
 *
 * Pages tell each other by Web Locks. There are none over plain HTTP, other than on the browser's own host, or where
 * site data is blocked: there nobody knows of other pages.
 */

import { inBrowser } from "../shared/storage";

const PREFIX = "tus::";

/** Whether choosing the same file again continues the upload of this video. */
export function canBeContinued(videoId: string): boolean {
  return inBrowser
    .entries()
    .some(([key, text]) => key.startsWith(PREFIX) && text.includes(`/${videoId}"`));
}

/** Says that this page is at an upload, until it is left or calls the returned function. */
export function claim(videoId: string): () => void {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  navigator.locks?.request(lockOf(videoId), () => released).catch(() => {});
  return release;
}

/** Tells whether no page is at an upload; if one is, tells again, and returns, once none is. */
export async function watchAbandonment(
  videoId: string,
  tell: (isAbandoned: boolean) => void,
): Promise<void> {
  const ask = (options: LockOptions) =>
    navigator.locks
      ?.request(lockOf(videoId), { mode: "shared", ...options }, (lock) => lock !== null)
      .catch(() => true);
  const isAbandoned = (await ask({ ifAvailable: true })) ?? true;
  tell(isAbandoned);
  if (isAbandoned) return;
  await ask({});
  tell(true);
}

function lockOf(videoId: string): string {
  return `streamer.upload.${videoId}`;
}
