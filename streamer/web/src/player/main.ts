/** The player page: follows the video, waits until it is playable, then plays it through an edge. */

import "../styles/player.css";
import Hls from "hls.js";
import { ApiError, getVideo, listEdges } from "../shared/api";
import { byId, el } from "../shared/dom";
import { ago, clock } from "../shared/format";
import { statusOf } from "../shared/status";
import { bindThemeButton } from "../shared/theme";
import { toast, toastError } from "../shared/toast";
import { isFinal, type VideoResource, videoIdIn } from "../shared/video";
import { watchVideo } from "../shared/watch";
import { HlsStream } from "./hls-stream";
import { SHORTCUTS } from "./keys";
import { NativeStream } from "./native-stream";
import { nearestFirst } from "./nearest";
import { hideNotice, showMissing, showRefused, showUnavailable, showWaiting } from "./notice";
import { Player, type StreamFactory } from "./player";
import { eligibleEdges, SourceRing, sourcesFor } from "./sources";

const videoId = videoIdIn(location.pathname);
let player: Promise<Player> | null = null;
let isRefused = false;

bindThemeButton(byId<HTMLButtonElement>("theme"));
byId("shortcut-list").append(
  ...SHORTCUTS.flatMap(([keys, meaning]) => [el("dt", {}, keys), el("dd", {}, meaning)]),
);
void open();

async function open(): Promise<void> {
  if (await look()) watchVideo(videoId, { onChange: show, onGone: showGone });
}

/** Shows the video as it is now; resolves to whether there may be something else to show later. */
async function look(): Promise<boolean> {
  try {
    const video = await getVideo(videoId);
    show(video);
    return !isFinal(video);
  } catch (error) {
    const isGone = error instanceof ApiError && error.status === 404;
    if (isGone) showGone();
    else if (!player) showUnavailable(error instanceof Error ? error.message : String(error));
    return !isGone;
  }
}

function show(video: VideoResource): void {
  describe(video);
  if (isRefused) return;
  if (video.playable) {
    hideNotice();
    if (player) void player.then((running) => running.update(video));
    else player = play(video);
  } else {
    void player?.then((running) => running.stop());
    showWaiting(video);
  }
}

function refuse(): void {
  isRefused = true;
  showRefused();
}

function showGone(): void {
  void player?.then((running) => running.stop());
  byId("meta").replaceChildren();
  showMissing("It was deleted, or the address is wrong.");
}

async function play(video: VideoResource): Promise<Player> {
  const playbackUrl = new URL(video.playback.hls, location.href);
  // Of an encrypted video: who was given the token may have the key.
  const token = new URLSearchParams(location.search).get("token");
  if (token) playbackUrl.searchParams.set("token", token);
  const ring = new SourceRing(await findSources(playbackUrl));
  const createStream: StreamFactory = (...parts) =>
    Hls.isSupported() ? new HlsStream(...parts) : new NativeStream(...parts);
  const created = new Player(video, ring, createStream, () => void look(), refuse);
  offerAddress(ring.current.url);
  void created.start();
  return created;
}

async function findSources(playbackUrl: URL) {
  const parameters = new URLSearchParams(location.search);
  const wish = { edge: parameters.get("edge"), region: parameters.get("region") };
  const edges = eligibleEdges(await listEdges().catch(() => []), wish);
  return sourcesFor(playbackUrl, await nearestFirst(edges, playbackUrl.pathname));
}

function describe(video: VideoResource): void {
  document.title = `${video.title} · Streamer`;
  const title = byId("title");
  title.textContent = video.title;
  title.hidden = false;
  const { label, tone } = statusOf(video);
  const parts = [ago(new Date(video.created_at), new Date())];
  if (video.duration_seconds) parts.unshift(clock(video.duration_seconds));
  const chip = el("span", { class: "chip", "data-tone": tone }, label);
  byId("meta").replaceChildren(chip, el("span", {}, parts.join(" · ")));
}

function offerAddress(url: string): void {
  const button = byId("copy");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(url);
      toast("The stream's address is in the clipboard.");
    } catch (error) {
      toastError(error);
    }
  });
}
