// Applies the chosen theme before the first paint. Everything below /assets is cached for good:
// another text needs another number in the file's name.
try {
  const chosenTheme = localStorage.getItem("streamer.theme");
  if (chosenTheme === "light" || chosenTheme === "dark") {
    document.documentElement.dataset.theme = chosenTheme;
  }
} catch {
  // Where site data is blocked, no theme can have been chosen.
}
