/** Keeps hls.js in step with a stream that is still being packaged. */

import Hls from "hls.js";
import type { RenditionResource } from "../shared/video";

/** How many qualities the multivariant playlist lists: sizes that have a segment in any codec. */
export function publishedVariants(renditions: readonly RenditionResource[]): number {
  return sizes(videoRenditions(renditions).filter(({ segments }) => segments > 0));
}

/** Whether better qualities than the published ones will follow. */
export function awaitsVariants(renditions: readonly RenditionResource[]): boolean {
  return publishedVariants(renditions) < sizes(videoRenditions(renditions));
}

/** Whether the media playlist in use lacks segments that are published. */
export function missesSegments(hls: Hls, renditions: readonly RenditionResource[]): boolean {
  const level = hls.levels[hls.loadLevel];
  const details = level?.details;
  if (!level || !details?.live) return false;
  const rendition = videoRenditions(renditions).find(
    ({ height, codecs }) => height === level.height && codecs === level.videoCodec,
  );
  return (rendition?.segments ?? 0) > details.fragments.length;
}

/**
 * Reads the media playlists in use again, now.
 *
 * hls.js would wait for a target duration (RFC 8216bis §6.3.4), which is all that a stream of one
 * segment has to play.
 */
export function readPlaylistsAgain(hls: Hls): void {
  const index = hls.loadLevel;
  const level = hls.levels[index];
  const track = hls.audioTracks[hls.audioTrack];
  if (level) {
    hls.trigger(Hls.Events.LEVEL_LOADING, {
      id: 0,
      level: index,
      levelInfo: level,
      pathwayId: level.attrs["PATHWAY-ID"],
      url: level.uri,
      deliveryDirectives: null,
    });
  }
  if (track?.url) {
    const { id, groupId, url } = track;
    hls.trigger(Hls.Events.AUDIO_TRACK_LOADING, {
      id,
      groupId,
      url,
      track,
      deliveryDirectives: null,
    });
  }
}

function videoRenditions(renditions: readonly RenditionResource[]): RenditionResource[] {
  return renditions.filter(({ kind }) => kind === "video");
}

function sizes(renditions: readonly RenditionResource[]): number {
  return new Set(renditions.map(({ height }) => height)).size;
}
