// One interface to the players of other projects: `openPlayer(kind, url)` on a page with a video.

const video = document.querySelector("video");

const PLAYERS = {
  async hls(url) {
    const hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, data) => data.fatal && report(data.details));
    hls.loadSource(url);
    hls.attachMedia(video);
    await new Promise((resolve) => hls.once(Hls.Events.MANIFEST_PARSED, resolve));
    const find = (tracks, language) => tracks.findIndex((track) => track.lang === language);
    return {
      chooseSound: (language) => (hls.audioTrack = find(hls.audioTracks, language)),
      chooseText: (language) => {
        hls.subtitleDisplay = true;
        hls.subtitleTrack = find(hls.subtitleTracks, language);
      },
    };
  },

  async shaka(url) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    await player.attach(video);
    player.addEventListener("error", (event) => report(event.detail.code));
    await player.load(url);
    const find = (tracks, language) => tracks.find((track) => track.language === language);
    return {
      chooseSound: (language) => player.selectAudioTrack(find(player.getAudioTracks(), language)),
      chooseText: (language) => player.selectTextTrack(find(player.getTextTracks(), language)),
    };
  },

  async dash(url) {
    const player = dashjs.MediaPlayer().create();
    player.on("error", (event) => report(JSON.stringify(event.error)));
    player.initialize(video, url, false);
    await new Promise((resolve) => player.on("streamInitialized", resolve));
    const find = (kind, language) =>
      player.getTracksFor(kind).find((track) => track.lang === language);
    return {
      chooseSound: (language) => player.setCurrentTrack(find("audio", language)),
      chooseText: (language) => {
        player.enableText(true);
        player.setTextTrack(player.getTracksFor("text").findIndex((t) => t.lang === language));
      },
    };
  },
};

window.errors = [];

function report(error) {
  window.errors.push(String(error));
}

let heard = null;

/** Opens a stream and plays it, its sound measured instead of heard. */
window.openPlayer = async (kind, url) => {
  window.player = await PLAYERS[kind](url);
  const context = new AudioContext();
  heard = context.createAnalyser();
  heard.fftSize = 8192;
  const silence = new GainNode(context, { gain: 0 });
  // What leads nowhere is not computed.
  context.createMediaElementSource(video).connect(heard).connect(silence);
  silence.connect(context.destination);
  await video.play();
};

/** Counts from now on how often playback has to wait for media; decoding may also be late. */
window.countStalls = () => {
  window.stalls = 0;
  video.addEventListener("waiting", () => {
    const { buffered, currentTime } = video;
    const isThere = [...Array(buffered.length).keys()].some(
      (n) => buffered.start(n) <= currentTime && currentTime + 0.5 < buffered.end(n),
    );
    if (!isThere) window.stalls++;
  });
};

/** The frequency that is loudest now, in hertz. */
window.loudest = () => {
  const levels = new Float32Array(heard.frequencyBinCount);
  heard.getFloatFrequencyData(levels);
  return (levels.indexOf(Math.max(...levels)) * heard.context.sampleRate) / heard.fftSize;
};

/** The texts that are shown now. */
window.shown = () =>
  [...video.textTracks]
    .filter((track) => track.mode !== "disabled")
    .flatMap((track) => [...(track.activeCues ?? [])].map((cue) => cue.text));

/** The luma of the picture that is shown now, one byte for each pixel. */
window.picture = () => {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const luma = Array.from({ length: data.length / 4 }, (_, index) => data[4 * index + 1]);
  return { width: canvas.width, height: canvas.height, luma };
};
