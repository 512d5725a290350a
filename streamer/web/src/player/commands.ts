/** Carries out the player's commands, from keys, buttons and taps alike. */

import { toastError } from "../shared/toast";
import { toggleFullscreen, togglePictureInPicture } from "./fullscreen";
import type { Command } from "./keys";
import type { Playback } from "./playback";

export interface CommandTargets {
  stage: HTMLElement;
  playback: Playback;
  shortcuts: HTMLDialogElement;
  flash: (text: string) => void;
  toggleStats: () => void;
  /** Shows or hides captions; returns whether they show now, null when there are none. */
  toggleCaptions: () => boolean | null;
}

/** The function that carries out a command. */
export function commandRunner(targets: CommandTargets): (command: Command) => void {
  const { stage, playback, shortcuts, flash } = targets;
  const { video } = playback;
  return (command) => {
    switch (command.do) {
      case "toggle":
        return playback.toggle();
      case "mute":
        video.muted = !video.muted;
        return flash(video.muted ? "Muted" : "Sound on");
      case "seekBy":
        playback.seekBy(command.amount);
        return flash(`${command.amount > 0 ? "+" : "−"}${Math.abs(command.amount)} s`);
      case "seekTo":
        return playback.seekTo(command.fraction * playback.durationSeconds);
      case "volumeBy":
        return flash(`Volume ${Math.round(playback.volumeBy(command.amount) * 100)}%`);
      case "speedBy":
        return flash(`${playback.speedBy(command.amount)}×`);
      case "captions":
        return flash(captionsWord(targets.toggleCaptions()));
      case "fullscreen":
        return void toggleFullscreen(stage, video).catch(toastError);
      case "pip":
        return void togglePictureInPicture(video).catch(toastError);
      case "stats":
        return targets.toggleStats();
      case "help":
        return shortcuts.open ? shortcuts.close() : shortcuts.showModal();
    }
  };
}

function captionsWord(shown: boolean | null): string {
  if (shown === null) return "No captions";
  return shown ? "Captions on" : "Captions off";
}
