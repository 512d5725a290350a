/** The video resource of the origin's API. */

export type VideoState = "uploading" | "probing" | "packaging" | "ready" | "failed";

export interface RenditionResource {
  name: string;
  kind: "video" | "audio" | "subtitles";
  codecs: string;
  width: number | null;
  height: number | null;
  segments: number;
}

export interface VideoResource {
  id: string;
  title: string;
  state: VideoState;
  playable: boolean;
  /** 0–1 over the whole packaging. */
  progress: number;
  duration_seconds: number | null;
  renditions: RenditionResource[];
  error: { code: string; message: string } | null;
  playback: { hls: string; dash: string; player: string };
  created_at: string;
  playable_at: string | null;
  ready_at: string | null;
  /** A new version in the making, or given up; the old one plays. */
  repackaging: {
    version: number;
    progress: number;
    error: { code: string; message: string } | null;
  } | null;
  /** What was lost of a damaged source, or not passed through. */
  warnings: string[];
  chapters: ChapterResource[];
}

export interface ChapterResource {
  start_seconds: number;
  end_seconds: number;
  title: string;
}

/** Whether the video will not change by itself any more. */
export function isFinal(video: VideoResource): boolean {
  return (video.state === "ready" || video.state === "failed") && !isPackagedAnew(video);
}

/** Whether a new version of it is in the making. */
export function isPackagedAnew(video: VideoResource): boolean {
  return video.repackaging !== null && video.repackaging.error === null;
}

/** Where a picture or track of the video is served, relative to the origin. */
export function mediaPath(id: string, name: "poster.jpg" | "storyboard.vtt"): string {
  return `/v/${encodeURIComponent(id)}/${name}`;
}

/** The id that ends the path of a player page. One that is wrongly encoded is taken as it stands: it names no video. */
export function videoIdIn(path: string): string {
  const name = path.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
