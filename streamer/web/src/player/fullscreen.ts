/** Full screen for the whole stage; on iPhones only the video itself can have it. */

interface AppleVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

/** Enters or leaves full screen. */
export async function toggleFullscreen(stage: HTMLElement, video: AppleVideo): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (stage.requestFullscreen) await stage.requestFullscreen();
  else video.webkitEnterFullscreen?.();
}

/** Enters or leaves picture in picture. */
export async function togglePictureInPicture(video: HTMLVideoElement): Promise<void> {
  if (document.pictureInPictureElement) await document.exitPictureInPicture();
  else await video.requestPictureInPicture();
}
