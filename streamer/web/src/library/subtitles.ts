/** Asks for subtitles of a video, and uploads them. */

import { addSubtitles } from "../shared/api";
import { filledIn } from "../shared/dialog";
import { el } from "../shared/dom";
import type { VideoResource } from "../shared/video";

/** The video with the subtitles that the person chose; null when there were none. */
export async function askForSubtitles(video: VideoResource): Promise<VideoResource | null> {
  const file = el("input", {
    id: "subtitles-file",
    type: "file",
    accept: ".vtt,.srt,text/vtt,application/x-subrip",
    required: true,
  });
  const language = el("input", {
    id: "subtitles-language",
    type: "text",
    required: true,
    value: navigator.language,
    pattern: "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*",
    maxlength: 16,
    spellcheck: "false",
  });
  const question = {
    title: "Add subtitles",
    text: `For “${video.title}”. A file of the same language is replaced.`,
    action: "Add",
  };
  const agreed = await filledIn(question, [
    el("label", { for: file.id }, "WebVTT or SubRip file"),
    file,
    el("label", { for: language.id }, "Language, as en or pt-BR"),
    language,
  ]);
  const chosen = file.files?.[0];
  return agreed && chosen ? addSubtitles(video.id, chosen, language.value) : null;
}
