"""Clips whose colours are odd."""

from sample_media.ingredients import AAC, H264, picture, tone, video
from sample_media.recipe import Clip

_X265 = "log-level=error:pools=1:frame-threads=1:colorprim=bt2020:colormatrix=bt2020nc"

# Red, green and blue of what the clips called `patches_…` show, from left to right.
PATCHES = (
    (200, 200, 200),
    (180, 40, 40),
    (40, 160, 60),
    (40, 60, 180),
    (90, 150, 230),
    (220, 180, 140),
)
# How many greys those called `greys_…` show, evenly from black to the brightest signal there is.
GREYS = 16


def _patches(name: str, suffix: str, reason: str, convert: str, *options: str) -> Clip:
    """Flat colours; `convert` makes filters of theirs out of RGB."""
    colours = [f"color=0x{r:02x}{g:02x}{b:02x}:s=32x64:r=25:d=0.4" for r, g, b in PATCHES]
    graph = "".join(f"{source},format=gbrp[p{n}];" for n, source in enumerate(colours))
    stacked = "".join(f"[p{n}]" for n in range(len(colours)))
    source = f"{graph}{stacked}hstack={len(colours)},{convert}"
    return video(name, suffix, reason, "-f", "lavfi", "-i", source, *options)


def _patches_hlg(name: str, reason: str, primaries: str, matrix: str) -> Clip:
    return _patches(
        *(name, ".mkv", reason),
        f"zscale=pin=bt709:tin=bt709:p={primaries}:t=arib-std-b67:m={matrix}:r=tv:npl=203,"
        "format=yuv444p10le",
        *(*_LOSSLESS, "-colorspace", matrix, "-color_primaries", primaries),
        *("-color_trc", "arib-std-b67"),
    )


def _greys(name: str, reason: str, transfer: str) -> Clip:
    source = (
        "nullsrc=s=320x64:r=25:d=0.4,format=yuv420p10le,"
        f"geq=lum='64+876*floor(X*{GREYS}/W)/{GREYS - 1}':cb=512:cr=512"
    )
    return video(
        *(name, ".mp4", reason, "-f", "lavfi", "-i", source, "-c:v", "libx265"),
        *("-preset", "ultrafast", "-crf", "4", "-tag:v", "hvc1", "-x265-params"),
        *(f"{_X265}:transfer={transfer}", "-color_primaries", "bt2020", "-color_trc", transfer),
        *("-colorspace", "bt2020nc"),
    )


_LOSSLESS = ("-c:v", "ffv1", "-threads", "1")

_PICTURES = (
    video(
        "hdr_pq", ".mp4", "HDR10: HEVC 10 bit, BT.2020, PQ; must be tone-mapped.",
        *picture(), *tone(), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt",
        "yuv420p10le", "-tag:v", "hvc1", "-x265-params",
        f"{_X265}:transfer=smpte2084:hdr10=1:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
        "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", *AAC,
    ),
    video(
        "hlg", ".mp4", "HDR in hybrid log-gamma.",
        *picture(), *tone(), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt",
        "yuv420p10le", "-tag:v", "hvc1", "-x265-params", f"{_X265}:transfer=arib-std-b67",
        "-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc",
        *AAC,
    ),
    video(
        "ten_bit_422", ".mov", "An editor's export: ProRes 4:2:2, 10 bit, PCM sound.",
        *picture(), *tone(), "-c:v", "prores_ks", "-profile:v", "standard", "-threads", "1",
        "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s16le",
    ),
)  # fmt: skip


def _stated(name: str, reason: str, primaries: str, transfer: str, matrix: str) -> Clip:
    """H.264 that states these colours."""
    stated = f"colorprim={primaries}:transfer={transfer}:colormatrix={matrix}"
    return video(name, ".mp4", reason, *picture(), *H264, "-x264-params", stated)


_FLAT = (
    _patches(
        "patches_601", ".mkv", "Standard definition: BT.601, tagged.",
        "scale=out_color_matrix=bt601:out_range=tv,format=yuv444p",
        *_LOSSLESS, "-colorspace", "smpte170m",
    ),
    _patches(
        "patches_601_untagged", ".mkv", "Standard definition that says nothing of its colours.",
        "scale=out_color_matrix=bt601:out_range=tv,format=yuv444p,"
        "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown",
        *_LOSSLESS,
    ),
    _patches(
        "patches_709", ".mkv", "BT.709 in a small picture, tagged.",
        "scale=out_color_matrix=bt709:out_range=tv,format=yuv422p",
        *_LOSSLESS, "-colorspace", "bt709",
    ),
    _patches(
        "patches_full_range", ".mp4", "Full range, as phones and screen recorders write it.",
        "scale=out_color_matrix=bt709:out_range=pc,format=yuv420p", *H264[:4],
        "-crf", "4", "-threads", "1", "-colorspace", "bt709", "-color_range", "pc",
    ),
    _patches(
        "patches_444_10", ".mkv", "4:4:4 with 10 bits.",
        "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p10le",
        *_LOSSLESS, "-colorspace", "bt709",
    ),
    _patches(
        "patches_rgb", ".mkv", "A screen recording that keeps RGB.", "format=gbrp", *_LOSSLESS,
    ),
    _patches(
        "patches_2020", ".mkv", "BT.2020 colours without HDR, 10 bits.",
        "zscale=pin=bt709:tin=bt709:p=bt2020:t=bt709:m=bt2020nc:r=tv,format=yuv444p10le",
        *_LOSSLESS, "-colorspace", "bt2020nc", "-color_primaries", "bt2020",
    ),
    _patches(
        "patches_2020_constant", ".mkv", "BT.2020 with constant luminance.",
        "zscale=pin=bt709:tin=bt709:p=bt2020:t=bt709:m=bt2020c:r=tv,format=yuv444p10le",
        *_LOSSLESS, "-colorspace", "bt2020c", "-color_primaries", "bt2020", "-color_trc", "bt709",
    ),
    _patches(
        "patches_ycgco", ".mkv", "A screen recording in YCgCo.",
        "zscale=m=ycgco:r=tv,format=yuv444p", *_LOSSLESS, "-colorspace", "ycgco",
    ),
    _patches(
        "patches_chroma_derived", ".mkv", "A matrix that is to be computed of the primaries.",
        "zscale=pin=bt709:tin=bt709:p=bt2020:t=bt709:m=chroma-derived-nc:r=tv,format=yuv444p10le",
        *_LOSSLESS, "-colorspace", "chroma-derived-nc", "-color_primaries", "bt2020",
    ),
    _patches(
        "patches_pq", ".mkv", "PQ in BT.2020.",
        "zscale=pin=bt709:tin=bt709:p=bt2020:t=smpte2084:m=bt2020nc:r=tv:npl=203,"
        "format=yuv444p10le", *_LOSSLESS, "-colorspace", "bt2020nc",
        *("-color_primaries", "bt2020", "-color_trc", "smpte2084"),
    ),
    _patches(
        "patches_pq_ictcp", ".mkv", "PQ in ICtCp and full range, of which no more is stated.",
        "zscale=pin=bt709:tin=bt709:p=bt2020:t=smpte2084:m=ictcp:r=pc:npl=203,format=yuv444p10le,"
        "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown",
        *_LOSSLESS, "-color_range", "pc",
    ),
    _patches_hlg("patches_hlg", "HLG in BT.2020, as it should be.", "bt2020", "bt2020nc"),
    _patches_hlg("patches_hlg_ictcp", "HLG in ICtCp.", "bt2020", "ictcp"),
    _patches_hlg("patches_hlg_709", "HLG in the colours of BT.709.", "bt709", "bt709"),
    _patches_hlg("patches_hlg_p3", "HLG in the colours of Display P3.", "smpte432", "bt709"),
    _greys("greys_pq", "Greys up to 10000 nits, of which no metadata tells.", "smpte2084"),
    _greys("greys_hlg", "Greys in hybrid log-gamma.", "arib-std-b67"),
)  # fmt: skip

_STATED = (
    _stated("stated_pal", "What a European DVD states of itself.", "bt470bg", "bt470bg", "bt470bg"),
    _stated("stated_srgb", "What a screen recorder states.", "bt709", "iec61966-2-1", "bt709"),
)

COLOURS = (*_PICTURES, *_FLAT, *_STATED)
