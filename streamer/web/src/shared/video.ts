/** The video resource of the origin's API. */

export type VideoState = "uploading" | "probing" | "packaging" | "ready" | "failed";

export interface RenditionResource {
  name: string;
  kind: "video" | "audio";
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
}

/** Whether the video will not change by itself any more. */
export function isFinal(video: VideoResource): boolean {
  return video.state === "ready" || video.state === "failed";
}

/** Where a picture or track of the video is served, relative to the origin. */
export function mediaPath(id: string, name: "poster.jpg" | "storyboard.vtt"): string {
  return `/v/${encodeURIComponent(id)}/${name}`;
}
