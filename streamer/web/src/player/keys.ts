/** Which key does what. */

export type Command =
  | { do: "toggle" | "mute" | "fullscreen" | "captions" | "pip" | "stats" | "help" }
  | { do: "seekBy" | "volumeBy" | "speedBy"; amount: number }
  | { do: "seekTo"; fraction: number };

export interface Keystroke {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  " ": { do: "toggle" },
  k: { do: "toggle" },
  j: { do: "seekBy", amount: -10 },
  l: { do: "seekBy", amount: 10 },
  ArrowLeft: { do: "seekBy", amount: -5 },
  ArrowRight: { do: "seekBy", amount: 5 },
  ArrowUp: { do: "volumeBy", amount: 0.05 },
  ArrowDown: { do: "volumeBy", amount: -0.05 },
  m: { do: "mute" },
  f: { do: "fullscreen" },
  c: { do: "captions" },
  p: { do: "pip" },
  i: { do: "stats" },
  "<": { do: "speedBy", amount: -1 },
  ">": { do: "speedBy", amount: 1 },
  "?": { do: "help" },
  Home: { do: "seekTo", fraction: 0 },
  End: { do: "seekTo", fraction: 1 },
};

/** The shortcuts as the help shows them. */
export const SHORTCUTS: readonly (readonly [keys: string, meaning: string])[] = [
  ["Space, K", "Play or pause"],
  ["J, L", "Back or forward 10 seconds"],
  ["← →", "Back or forward 5 seconds"],
  ["↑ ↓", "Louder or quieter"],
  ["0 – 9", "Jump to 0 – 90 %"],
  ["< >", "Slower or faster"],
  ["M", "Mute"],
  ["C", "Captions"],
  ["F", "Full screen"],
  ["P", "Picture in picture"],
  ["I", "Stats for engineers"],
  ["?", "This help"],
];

/** What a keystroke means; null when it is not the player's. */
export function commandFor(stroke: Keystroke): Command | null {
  if (stroke.ctrlKey || stroke.altKey || stroke.metaKey) return null;
  if (/^\d$/.test(stroke.key)) return { do: "seekTo", fraction: Number(stroke.key) / 10 };
  const key = stroke.key.length === 1 ? stroke.key.toLowerCase() : stroke.key;
  return COMMANDS[key] ?? null;
}
