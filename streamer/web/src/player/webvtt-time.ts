/** Seconds of a WebVTT timestamp (`01:02.500`, `1:00:02.500`); NaN when it is none. */
export function clockToSeconds(text: string): number {
  return text.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);
}
