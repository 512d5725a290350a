/** The buttons of the control bar. */

import { byId } from "../shared/dom";
import { type IconName, icon } from "../shared/icons";
import type { Command } from "./keys";
import type { Playback } from "./playback";

/** Gives the buttons their pictures, keeps them true, and lets them run commands. */
export function bindButtons(playback: Playback, run: (command: Command) => void): void {
  bindPlay(playback, run);
  bindVolume(playback, run);
  bindFullscreen(run);
  draw("stats", "chart");
  draw("help", "keyboard");
  draw("pip", "pip");
  byId("pip").hidden = !document.pictureInPictureEnabled;
  for (const name of ["stats", "help", "pip"] as const) {
    byId(name).addEventListener("click", () => run({ do: name }));
  }
}

function bindPlay({ video }: Playback, run: (command: Command) => void): void {
  const show = () => {
    const label = video.ended ? "Play again" : video.paused ? "Play" : "Pause";
    draw("play", video.ended ? "replay" : video.paused ? "play" : "pause", label);
  };
  for (const event of ["play", "pause", "ended", "seeked"]) video.addEventListener(event, show);
  byId("play").addEventListener("click", () => run({ do: "toggle" }));
  show();
}

function bindVolume({ video }: Playback, run: (command: Command) => void): void {
  const slider = byId<HTMLInputElement>("volume");
  const show = () => {
    const silent = video.muted || video.volume === 0;
    draw("mute", silent ? "muted" : "volume", silent ? "Sound on" : "Mute");
    slider.value = String(video.muted ? 0 : video.volume);
    slider.style.setProperty("--share", `${Number(slider.value) * 100}%`);
  };
  slider.addEventListener("input", () => {
    video.volume = Number(slider.value);
    video.muted = video.volume === 0;
  });
  byId("mute").addEventListener("click", () => run({ do: "mute" }));
  video.addEventListener("volumechange", show);
  show();
}

function bindFullscreen(run: (command: Command) => void): void {
  const show = () => {
    const full = document.fullscreenElement !== null;
    draw("fullscreen", full ? "shrink" : "fullscreen", full ? "Leave full screen" : "Full screen");
  };
  byId("fullscreen").addEventListener("click", () => run({ do: "fullscreen" }));
  document.addEventListener("fullscreenchange", show);
  show();
}

function draw(id: string, name: IconName, label?: string): void {
  const button = byId(id);
  button.replaceChildren(icon(name));
  if (!label) return;
  button.setAttribute("aria-label", label);
  button.title = label;
}
