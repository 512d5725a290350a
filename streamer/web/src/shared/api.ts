/** The origin's API. Every call rejects with an `ApiError` that a person can read. */

import { askForToken, authorisation, TOKEN_NEEDED } from "./token";
import type { VideoResource } from "./video";

const ANSWER_MS = 20_000;
/** 64 kbit/s: a slower line is taken for a broken one. */
const SLOWEST_BYTES_PER_MS = 8;

export interface VideoPage {
  items: VideoResource[];
  next_cursor: string | null;
}

export interface EdgeResource {
  id: string;
  region: string;
  url: string;
  version: string;
}

/** A refusal of the origin (RFC 9457), or a request that never reached it (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** One page of videos, newest first. */
export function listVideos(query: string, cursor: string | null): Promise<VideoPage> {
  const parameters = new URLSearchParams({ limit: "24" });
  if (query) parameters.set("q", query);
  if (cursor) parameters.set("cursor", cursor);
  return request(`/api/v1/videos?${parameters}`);
}

/** One video; status 404 when there is none. */
export function getVideo(id: string): Promise<VideoResource> {
  return request(videoPath(id));
}

/** Gives the video another title. */
export function renameVideo(id: string, title: string): Promise<VideoResource> {
  return request(videoPath(id), { method: "PATCH", ...json({ title }) });
}

/** Gives the video the subtitles in a WebVTT or SubRip file. */
export function addSubtitles(id: string, file: File, language: string): Promise<VideoResource> {
  const form = new FormData();
  form.append("language", language);
  form.append("file", file);
  return request(`${videoPath(id)}/subtitles`, { method: "POST", body: form }, file.size);
}

/** Deletes the video with everything that was made of it, unless it is gone already. */
export async function deleteVideo(id: string): Promise<void> {
  try {
    await request(videoPath(id), { method: "DELETE" });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Whether a call failed because there is no such video. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Lets the origin fetch a file by itself. */
export function fetchFromUrl(url: string): Promise<VideoResource> {
  return request("/api/v1/videos", { method: "POST", ...json({ url }) });
}

/** The living edges. */
export async function listEdges(): Promise<EdgeResource[]> {
  const page = await request<{ items: EdgeResource[] }>("/api/v1/edges");
  return page.items;
}

/** Where a video's server-sent events come from. */
export function eventsPath(id: string): string {
  return `${videoPath(id)}/events`;
}

function videoPath(id: string): string {
  return `/api/v1/videos/${encodeURIComponent(id)}`;
}

function json(body: object): RequestInit {
  return { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

/** How long a request may take whose body has so many bytes. */
export function patienceMs(bodyBytes: number): number {
  return ANSWER_MS + bodyBytes / SLOWEST_BYTES_PER_MS;
}

async function request<T>(path: string, init: RequestInit = {}, bodyBytes = 0): Promise<T> {
  const response = await send(path, init, bodyBytes);
  if (response.status === 401 && (await askForToken())) return request(path, init, bodyBytes);
  if (response.status === 401) throw new ApiError(401, "unauthorized", TOKEN_NEEDED);
  if (!response.ok) throw await refusal(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function send(path: string, init: RequestInit, bodyBytes: number): Promise<Response> {
  try {
    return await fetch(path, {
      ...init,
      headers: { ...init.headers, ...authorisation() },
      signal: AbortSignal.timeout(patienceMs(bodyBytes)),
    });
  } catch {
    throw new ApiError(0, "unreachable", "The server does not answer. Check your connection.");
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const problem = await response.json().catch(() => ({}));
  return new ApiError(
    response.status,
    problem.code ?? "internal",
    problem.detail ?? problem.title ?? `The server answered ${response.status}.`,
  );
}
