/** Light or dark: the system's choice until the person makes another. `assets/theme-2.js` applies it before the first paint. */

import { icon } from "./icons";
import { inBrowser } from "./storage";

const KEY = "streamer.theme";

/** Makes the button switch between light and dark. */
export function bindThemeButton(button: HTMLButtonElement): void {
  const show = () => {
    const dark = isDark();
    button.replaceChildren(icon(dark ? "sun" : "moon"));
    button.setAttribute("aria-label", dark ? "Use the light theme" : "Use the dark theme");
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    inBrowser.set(KEY, theme);
    show();
  });
  systemPrefersDark().addEventListener("change", show);
  show();
}

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemPrefersDark().matches;
}

function systemPrefersDark(): MediaQueryList {
  return matchMedia("(prefers-color-scheme: dark)");
}
