/** A video's state in words. */

import { isPackagedAnew, type VideoResource } from "./video";

export interface Status {
  label: string;
  tone: "good" | "busy" | "bad" | "idle";
}

/** The label of the state chip and how it looks. */
export function statusOf(video: VideoResource): Status {
  const percent = Math.floor(video.progress * 100);
  switch (video.state) {
    case "uploading":
      return video.playable
        ? { label: "Playable · uploading", tone: "good" }
        : { label: "Uploading", tone: "idle" };
    case "probing":
      return { label: "Reading the file", tone: "busy" };
    case "packaging":
      return video.playable
        ? { label: `Playable · ${percent}%`, tone: "good" }
        : { label: "Packaging", tone: "busy" };
    case "ready":
      return { label: isPackagedAnew(video) ? newVersion(video) : "Ready", tone: "good" };
    case "failed":
      return { label: "Failed", tone: "bad" };
  }
}

/** What its owner should know of it; empty for nothing. */
export function remarksOn(video: VideoResource): string {
  const failure = video.error ?? video.repackaging?.error;
  if (failure) return failure.message;
  return video.warnings.join(" ");
}

/** What the person in front of a video that cannot be played yet should know. */
export function explanationOf(video: VideoResource): string {
  switch (video.state) {
    case "uploading":
      return "The file is still on its way. Playback starts by itself.";
    case "probing":
    case "packaging":
      return "Preparing the first seconds. Playback starts by itself.";
    case "failed":
      return video.error?.message ?? "It could not be packaged.";
    case "ready":
      return "";
  }
}

function newVersion({ repackaging }: VideoResource): string {
  return `Ready · new version ${Math.floor((repackaging?.progress ?? 0) * 100)}%`;
}
