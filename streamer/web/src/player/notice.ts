/** What the stage says while there is nothing to play. */

import { byId } from "../shared/dom";
import { explanationOf, statusOf } from "../shared/status";
import type { VideoResource } from "../shared/video";

/** Shows why the video does not play, or that it is about to. */
export function showWaiting(video: VideoResource): void {
  const failed = video.state === "failed";
  show(failed ? "This video cannot be played" : statusOf(video).label, explanationOf(video));
  byId("stage").dataset.mode = failed ? "failed" : "waiting";
  const bar = byId<HTMLProgressElement>("notice-progress");
  bar.hidden = video.state !== "packaging";
  bar.value = video.progress;
}

/** Shows that the server does not say what there is, for now. */
export function showUnavailable(message: string): void {
  show("Not available right now", message);
  byId("stage").dataset.mode = "waiting";
}

/** Shows that there is no such video. */
export function showMissing(message: string): void {
  show("No video here", message);
  byId("stage").dataset.mode = "failed";
}

/** Shows that the video is only for who was given a token. */
export function showRefused(): void {
  show("Protected video", "This video needs a playback link.");
  byId("stage").dataset.mode = "failed";
}

/** Makes room for the picture. */
export function hideNotice(): void {
  byId("notice").hidden = true;
}

function show(title: string, text: string): void {
  byId("notice").hidden = false;
  byId("notice-title").textContent = title;
  byId("notice-text").textContent = text;
}
