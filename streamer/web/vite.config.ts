import { defineConfig } from "vitest/config";

export default defineConfig({
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rollupOptions: { input: { library: "index.html", watch: "watch.html" } },
  },
  // Node would get the uploads of its own build, which has other requests.
  test: { alias: { "tus-js-client": "tus-js-client/lib.esm/browser/index.js" } },
});
