/** Icons: 24 × 24, drawn with the text's colour, hidden from screen readers. */

const SVG = "http://www.w3.org/2000/svg";

const FILLED = {
  play: "M8 5.1v13.8c0 .8.9 1.3 1.5.8l10.6-6.9a1 1 0 0 0 0-1.6L9.5 4.3C8.9 3.8 8 4.3 8 5.1Z",
  pause: "M7 4.5h3v15H7zM14 4.5h3v15h-3z",
} as const;

const STROKED = {
  replay: "M4 12a8 8 0 1 0 2.6-5.9M4 4v4.5h4.5",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  fullscreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  shrink: "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  pip: "M20 11V5.5A1.5 1.5 0 0 0 18.5 4h-13A1.5 1.5 0 0 0 4 5.5v11A1.5 1.5 0 0 0 5.5 18H10M13 14h8v6h-8z",
  chart: "M4 20V4M4 20h16M8 16v-4M12.5 16V8M17 16v-6",
  keyboard: "M3 6.5h18v11H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  upload: "M12 16V4.5M7 9l5-4.8L17 9M4 15.5V19h16v-3.5",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  trash: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5M14 11v5",
  pencil: "M4 20l1-4.5L16.5 4 20 7.5 8.5 19zM14 6.5l3.5 3.5",
  close: "M6 6l12 12M18 6L6 18",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.5 4.5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  captions: "M3 5.5h18v13H3zM10.5 10.5a2.2 2.2 0 1 0 0 3M17 10.5a2.2 2.2 0 1 0 0 3",
  check: "M5 12.5l4.5 4.5L19 7.5",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.5h4M4 14.5h4M16 9.5h4M16 14.5h4",
  alert: "M12 4L2.5 20h19zM12 10v4.5M12 17.3v.01",
} as const;

export type IconName = keyof typeof FILLED | keyof typeof STROKED;

/** A new icon element. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(SVG, "path");
  const filled = name in FILLED;
  path.setAttribute("d", { ...FILLED, ...STROKED }[name]);
  path.setAttribute("fill", filled ? "currentColor" : "none");
  path.setAttribute("stroke", filled ? "none" : "currentColor");
  svg.append(path);
  return svg;
}
