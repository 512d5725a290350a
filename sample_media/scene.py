"""The demo clip: a night passing over mountains, with a burnt-in clock and soft chords.

Every layer is drawn once by a formula, looped and moved by whole pixels, so that a minute of
1080p30 takes seconds to render. Layers that travel are as wide as two pictures and repeat after
one. Film grain gives the encoder about as much to do as a camera would.
"""

from dataclasses import dataclass

from sample_media.seven_segment import Face, colon, number

WIDTH, HEIGHT, RATE = 1920, 1080, 30
_DUSK = ((52, 46, 112), (196, 92, 122), (255, 190, 116))
_NIGHT = ((6, 10, 38), (18, 52, 104), (66, 150, 150))
_PANEL = (472, 84)
_CHORDS_HZ = (
    (220.0, 261.63, 329.63, 440.0),
    (174.61, 220.0, 261.63, 349.23),
    (130.81, 196.0, 261.63, 329.63),
    (196.0, 246.94, 293.66, 392.0),
)
_CHORD_SECONDS = 4


@dataclass(frozen=True, slots=True)
class Ridge:
    """One line of mountains, drawn down to where a nearer layer hides it.

    `waves` are (height in pixels, waves per picture width, phase); `ink` is Y, Cb, Cr; `opacity`
    is 0 to 255; `speed` in pixels per frame.
    """

    name: str
    top: int
    height: int
    crest: int
    waves: tuple[tuple[float, int, float], ...]
    ink: tuple[int, int, int]
    opacity: int
    speed: int


RIDGES = (
    Ridge(
        "far", 560, 320, 150,
        ((60, 2, 0.3), (34, 5, 1.1), (13, 11, 2.0), (6, 23, 0.4), (2, 71, 1.4)),
        (66, 146, 136), 205, 1,
    ),
    Ridge(
        "mid", 620, 290, 130,
        ((56, 1, 2.3), (40, 3, 0.4), (17, 8, 1.0), (7, 19, 3.0), (2, 61, 0.2)),
        (48, 144, 132), 255, 2,
    ),
    Ridge(
        "near", 720, 300, 110,
        ((44, 2, 4.0), (22, 5, 2.2), (8, 13, 0.5), (3, 37, 1.0)),
        (30, 140, 129), 255, 4,
    ),
)  # fmt: skip


def demo_arguments(seconds: int) -> tuple[str, ...]:
    """Arguments for ffmpeg that make the demo clip, about 6 Mbit/s."""
    return (
        *("-filter_complex", ";".join((*_picture(seconds), *_sound(seconds)))),
        *("-map", "[picture]", "-map", "[sound]", "-t", str(seconds)),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60"),
        *("-threads", "4", "-x264-params", "sliced-threads=1"),
        *("-b:v", "6M", "-maxrate", "9M", "-bufsize", "12M"),
        *("-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart"),
    )


def _picture(seconds: int) -> list[str]:
    layers = [
        ("clouds", f"x='-960+960*t/{seconds}':y=90"),
        ("stars", "x=0:y=0"),
        ("moon", f"x='{WIDTH}*(0.16+0.62*t/{seconds})-360':y='420*{_night('t', seconds)}-30'"),
        *((ridge.name, f"{_travel(ridge.speed)}:y={ridge.top}") for ridge in RIDGES),
        ("pines", f"{_travel(9)}:y=750"),
        ("panel", "x=60:y=60"),
        ("bar", f"x='-{WIDTH}+{WIDTH}*t/{seconds}':y={HEIGHT - 8}"),
    ]
    graph = [
        *(_sky(seconds), _clouds(), _stars(seconds), _moon()),
        *(_ridge(ridge) for ridge in RIDGES),
        *(_pines(), _clock_panel(), _progress_bar()),
    ]
    below = "sky"
    for name, position in layers:
        graph.append(f"[{below}][{name}]overlay={position}[under_{name}]")
        below = f"under_{name}"
    graph.append(f"[{below}]noise=alls=4:allf=t:all_seed=7[picture]")
    return graph


def _night(time: str, seconds: int) -> str:
    """0 at dusk, 1 at midnight, 0 at dawn."""
    return f"(0.5-0.5*cos(2*PI*{time}/{seconds}))"


def _travel(pixels_per_frame: int) -> str:
    return f"x='-mod({pixels_per_frame}*n\\,{WIDTH})'"


def _sky(seconds: int) -> str:
    dark = _night("T", seconds)
    planes = (
        f"{plane}='({_gradient(index, _DUSK)})*(1-{dark})+({_gradient(index, _NIGHT)})*{dark}'"
        for index, plane in enumerate("rgb")
    )
    return (
        f"color=black:s=8x72:r={RATE},format=gbrp,geq={':'.join(planes)},"
        f"scale={WIDTH}:{HEIGHT}:flags=bilinear,setsar=1,format=yuv420p[sky]"
    )


def _gradient(plane: int, stops: tuple[tuple[int, int, int], ...]) -> str:
    top, middle, horizon = (stop[plane] for stop in stops)
    y = "(Y/(H-1))"
    return (
        f"if(lt({y}\\,0.55)\\,{top}+({middle - top})*{y}/0.55"
        f"\\,{middle}+({horizon - middle})*({y}-0.55)/0.45)"
    )


def _clouds() -> str:
    return (
        f"perlin=s=480x120:r={RATE}:octaves=5:persistence=0.55:xscale=6:yscale=14:tscale=0"
        ":random_mode=ken,trim=end_frame=1,format=gray,"
        "geq=lum='clip((p(X\\,Y)-118)*2.2\\,0\\,255)*sin(PI*Y/H)*sin(PI*X/W)',"
        "scale=2880:420:flags=bicubic[cloud_alpha];"
        f"color=0xffe6d8:s=2880x420:r={RATE},trim=end_frame=1,format=yuva420p[cloud_ink];"
        f"[cloud_ink][cloud_alpha]alphamerge,colorchannelmixer=aa=0.5,{_looped('clouds')}"
    )


def _stars(seconds: int) -> str:
    shine = "255*gt(random(1)\\,0.9992)*(1-Y/640)"
    fades = (
        f"fade=in:st={seconds * 0.12}:d={seconds * 0.15}:alpha=1,"
        f"fade=out:st={seconds * 0.72}:d={seconds * 0.15}:alpha=1"
    )
    bright = f"geq=lum=235:cb=128:cr=128:a='{shine}',dilation=coordinates=66,gblur=sigma=0.6"
    return _still("stars", WIDTH, 640, bright, then=fades)


def _moon() -> str:
    distance = "hypot(X-360\\,Y-360)"
    disc = f"255*clip(70-{distance}\\,0\\,1)"
    glow = f"130*exp(-pow({distance}/150\\,2))*gt(360\\,{distance})"
    return _still("moon", 720, 720, f"geq=lum=235:cb=92:cr=150:a='clip({disc}+{glow}\\,0\\,255)'")


def _ridge(ridge: Ridge) -> str:
    waves = "+".join(
        f"{height}*sin(2*PI*{count}*X/{WIDTH}+{phase})" for height, count, phase in ridge.waves
    )
    alpha = f"{ridge.opacity}*clip((Y-({ridge.crest}+{waves}))*0.7\\,0\\,1)"
    return _travelling(ridge.name, ridge.height, ridge.ink, alpha)


def _pines() -> str:
    ground, pitch = 250, 64
    tree = f"floor(X/{pitch})"
    randomness = f"(0.5+0.5*sin({tree}*12.9898+1.7)*cos({tree}*4.1414+1.7))"
    below_top = f"(Y-({ground - 60}-150*{randomness}))"
    half_width = f"({below_top}*0.17+5*mod({below_top}\\,26)/26)"
    from_trunk = f"abs(mod(X\\,{pitch})-{pitch // 2})"
    crown = f"clip({half_width}-{from_trunk}\\,0\\,1)*gte({below_top}\\,0)"
    floor = f"clip(Y-({ground}+14*sin(2*PI*3*X/{WIDTH}))\\,0\\,1)"
    return _travelling("pines", 330, (18, 134, 126), f"255*max({crown}\\,{floor})")


def _clock_panel() -> str:
    """Minutes, seconds and the frame's number, on a dark ground."""
    width, height = _PANEL
    face, small = Face(48, "white"), Face(32, "0xffd9a0")
    seconds = f"floor(n/{RATE})"
    drawn = [
        *number(face, f"floor({seconds}/60)", 2, 24, 18),
        *colon(face, 109, 18),
        *number(face, f"mod({seconds}\\,60)", 2, 132, 18),
        *number(small, "n", 6, 276, 34),
    ]
    return f"color=black@0.45:s={width}x{height}:r={RATE},format=yuva420p,{','.join(drawn)}[panel]"


def _progress_bar() -> str:
    return f"color=0xffd9a0@0.8:s={WIDTH}x8:r={RATE},format=yuva420p[bar]"


def _travelling(name: str, height: int, ink: tuple[int, int, int], alpha: str) -> str:
    """A layer two pictures wide that repeats after one."""
    luma, blue, red = ink
    return (
        f"color=black:s={WIDTH}x{height}:r={RATE},trim=end_frame=1,format=yuva420p,"
        f"geq=lum={luma}:cb={blue}:cr={red}:a='{alpha}',split[{name}_left][{name}_right];"
        f"[{name}_left][{name}_right]hstack,{_looped(name)}"
    )


def _still(name: str, width: int, height: int, drawn: str, *, then: str = "null") -> str:
    return (
        f"color=black:s={width}x{height}:r={RATE},trim=end_frame=1,format=yuva420p,{drawn},"
        f"{_looped(name, then=then)}"
    )


def _looped(name: str, *, then: str = "null") -> str:
    return f"loop=loop=-1:size=1,setpts=N/{RATE}/TB,{then}[{name}]"


def _sound(seconds: int) -> list[str]:
    """A loop of four chords, each note plucked in turn, wider on the left and on the right."""
    cycle = len(_CHORDS_HZ) * _CHORD_SECONDS
    left, right = _chords(detune=0.999), _chords(detune=1.001)
    return [
        f"aevalsrc='{left}|{right}':s=48000:d={cycle},aloop=loop=-1:size={cycle * 48000},"
        "aecho=0.8:0.7:330|495:0.25|0.18,"
        f"afade=in:d=1.5,afade=out:st={seconds - 2}:d=2[sound]"
    ]


def _chords(*, detune: float) -> str:
    now = f"floor(t/{_CHORD_SECONDS})"
    swell = f"pow(sin(PI*mod(t\\,{_CHORD_SECONDS})/{_CHORD_SECONDS})\\,0.5)"
    notes = []
    for place in range(len(_CHORDS_HZ[0])):
        pitch = _choose(now, [chord[place] * detune for chord in _CHORDS_HZ])
        since = f"mod(t+{place * 0.25}\\,1)"
        pluck = f"min(1\\,80*{since})*exp(-4*{since})*sin(4*PI*({pitch})*t)"
        notes.append(f"0.11*{swell}*sin(2*PI*({pitch})*t)+0.15*{pluck}")
    return "+".join(notes)


def _choose(index: str, values: list[float]) -> str:
    return "+".join(f"eq({index}\\,{place})*{value:.3f}" for place, value in enumerate(values))
