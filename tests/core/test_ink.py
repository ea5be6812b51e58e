"""What every model stands on: a drawing makes the same glyph wherever, however large and in whatever form it comes.

`python tests/core/test_ink.py` draws the golden sheet anew; look at it before you commit it.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from support.checkout import ROOT
from support.strokes import TURNS, letter

from ukr_letters.core.ink import BOX, SIZE, Ink, as_ink, draw_strokes, glyph, is_empty

# Golden glyphs: a change of the renderer shows here first, and asks for a new RENDERER and new models


def paint(
    char: str,  # one of the traced letters
    width: int,  # of the pen, in pixels of 400
    mode: str = "L",
    paper: object = 255,
    ink: object = 0,
) -> Image.Image:
    "A picture of 400 x 400 pixels with a letter drawn by any pen on any paper."
    picture = Image.new(mode, (400, 400), paper)
    pen = ImageDraw.Draw(picture)
    for stroke in letter(char):
        pen.line([tuple(point) for point in stroke], ink, width, joint="curve")
        for x, y in (stroke[0], stroke[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), ink)
    return picture


def photo() -> np.ndarray:
    "A large picture of grey ink on paper that one side of the light does not reach."
    page = np.asarray(paint("А", 14).resize((1200, 1200))) / 255
    shade = np.linspace(0.7, 0.95, 1200) * np.linspace(0.9, 1, 1200)[:, None]
    return (255 * shade * (0.3 + 0.7 * page)).astype(np.uint8)


CASES = {
    "Ж in strokes": lambda: letter("Ж"),
    "Щ in strokes": lambda: letter("Щ"),
    "ї in strokes, its dots as trembling taps": lambda: letter("ї"),
    "і in strokes, its dot as a tap of one point": lambda: [letter("ї")[0], [[199, 105]]],
    "a tap": lambda: [[[120, 80]]],
    "a wide stroke": lambda: [[[10, 200], [390, 205]]],
    "a tall picture": lambda: ImageOps.expand(Image.new("L", (20, 300), 0), 40, 255),
    "ї by a hairline": lambda: paint("ї", 1),
    "Б by a thick brush": lambda: paint("Б", 52),
    "я light on dark": lambda: paint("я", 16, paper=20, ink=230),
    "Ю in colour on nothing": lambda: paint("Ю", 16, "RGBA", (0, 0, 0, 0), (255, 208, 0, 255)),
    "А on a photo with shade": photo,
    "5 of 28 x 28 pixels": lambda: paint("5", 30).resize((28, 28), Image.Resampling.BOX),
    "8 of 28 x 28 pixels, light on dark": lambda: ImageOps.invert(
        paint("8", 30).resize((28, 28), Image.Resampling.BOX)
    ),
}
SHEET = ROOT / "tests/golden" / "glyphs.png"  # the cases in their order, ink white
COLUMNS, ZOOM = 7, 4  # each glyph pixel is 4 x 4 pixels of the sheet, to be seen without a lens
FINE_PIXEL = 255 / 16  # grey levels: a glyph pixel is the mean of 16 fine ones


def grey(drawing: object) -> np.ndarray:
    "A glyph in grey levels."
    return (glyph(drawing) * 255).round().astype(int)


def test_glyphs_are_golden() -> None:
    "Rasterisers of other versions may set a fine pixel otherwise; more than one in a glyph pixel is another glyph."
    tile = SIZE * ZOOM
    sheet = np.asarray(Image.open(SHEET)).astype(int)
    assert sheet.shape == (len(CASES) // COLUMNS * tile, COLUMNS * tile)
    far = {}
    for number, (name, drawing) in enumerate(CASES.items()):
        top, left = number // COLUMNS * tile, number % COLUMNS * tile
        difference = np.abs(grey(drawing()) - sheet[top : top + tile : ZOOM, left : left + tile : ZOOM])
        if difference.max() > FINE_PIXEL + 1:
            far[name] = f"{difference.max()} grey levels off, {np.count_nonzero(difference)} pixels changed"
    assert not far, f"{far}: if this is meant, change RENDERER and run `python tests/core/test_ink.py`"


# Promises for any drawing

coordinates = st.integers(0, 4000).map(lambda tenths: tenths / 10)  # the pad rounds to tenths
strokes = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8)
drawings = st.lists(strokes, min_size=1, max_size=5).map(as_ink)
anything = st.floats(-1e300, 1e300)  # the width of a drawing must be a finite number as well
few = settings(max_examples=60, deadline=None)


def moved(ink: Ink, scale: float = 1, right: float = 0, down: float = 0) -> Ink:
    "The drawing at another place and size."
    return [[[x * scale + right, y * scale + down] for x, y in stroke] for stroke in ink]


def dense(ink: Ink, parts: int) -> Ink:
    "The same lines with more points on them."
    steps = [step / parts for step in range(parts)]
    return [
        [[x + t * (u - x), y + t * (v - y)] for (x, y), (u, v) in zip(stroke, stroke[1:], strict=False) for t in steps]
        + [stroke[-1]]
        for stroke in ink
    ]


def beyond(one: np.ndarray, other: np.ndarray) -> float:
    "The strongest ink of either glyph that the other has not within one pixel: 0 for the same, 1 for another shape."
    images = [Image.fromarray((levels * 255).round().astype(np.uint8)) for levels in (one, other)]
    near = [np.asarray(image.filter(ImageFilter.MaxFilter(3))) / 255 for image in images]
    return float(max((one - near[1]).max(), (other - near[0]).max()))


# A corner's pixels depend on the points around it, and one fine pixel can round the box of a glyph up to the next
# whole pixel, which moves its ink by up to one. More than that never happens, but for the grey of two fine pixels.
SAME = 2.5 / 16


def test_another_shape_is_beyond() -> None:
    glyphs = [glyph(letter(char)) for char in TURNS]
    assert all(beyond(one, other) > 2 * SAME for one in glyphs for other in glyphs if one is not other)


@few
@given(drawings)
def test_a_glyph_fills_its_box(ink: Ink) -> None:
    result = glyph(ink)
    assert result.shape == (SIZE, SIZE) and result.dtype == np.float32
    assert result.min() == 0 and result.max() <= 1 and not is_empty(result)
    sides = [np.ptp(np.flatnonzero(result.any(axis))) + 1 for axis in (0, 1)]
    assert max(sides) == BOX


@few
@given(drawings, st.integers(-5000, 5000), st.integers(-5000, 5000), st.floats(0.02, 50))
def test_place_and_size_do_not_matter(ink: Ink, right: int, down: int, scale: float) -> None:
    whole = [[[round(x), round(y)] for x, y in stroke] for stroke in ink]  # then moving them is exact
    assert np.array_equal(glyph(moved(whole, right=right, down=down)), glyph(whole))
    assert np.array_equal(glyph(moved(whole, scale=4)), glyph(whole))
    assert beyond(glyph(moved(ink, scale, right, down)), glyph(ink)) < SAME


@few
@given(drawings, st.integers(2, 12))
def test_the_density_of_points_does_not_matter(ink: Ink, parts: int) -> None:
    assert beyond(glyph(dense(ink, parts)), glyph(ink)) < SAME


@few
@given(drawings, st.randoms(use_true_random=False))
def test_times_and_the_order_of_strokes_do_not_matter(ink: Ink, chance) -> None:
    timed = [[[x, y, chance.randint(0, 60_000)] for x, y in stroke] for stroke in ink]
    chance.shuffle(timed)
    assert np.array_equal(glyph(timed), glyph(ink))


@few
@given(drawings)
def test_a_picture_of_the_strokes_makes_the_same_glyph(ink: Ink) -> None:
    "Dark or light, grey or in colour: training on pictures serves people who draw."
    light = ImageOps.expand(draw_strokes(ink), 20)
    dark = ImageOps.invert(light)
    assert beyond(glyph(dark), glyph(ink)) < SAME
    for form in (light, np.asarray(dark), dark.convert("RGB"), dark.convert("RGBA")):
        assert np.array_equal(glyph(form), glyph(dark))


@few
@given(st.lists(st.lists(st.tuples(anything, anything), min_size=1, max_size=5), min_size=1, max_size=4))
def test_no_finite_strokes_are_too_wild(ink: list) -> None:
    result = glyph(ink)
    assert np.isfinite(result).all() and not is_empty(result) and result.max() <= 1


@few
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 235), st.randoms(use_true_random=False))
def test_a_page_without_ink_is_empty(width: int, height: int, level: int, chance) -> None:
    grain = [chance.randint(0, 20) for _ in range(width * height)]
    paper = np.array(grain, np.uint8).reshape(height, width) + np.uint8(level)
    assert all(is_empty(glyph(Image.fromarray(paper).convert(mode))) for mode in ("L", "RGB", "RGBA"))
    assert is_empty(glyph([]))


@pytest.mark.parametrize(
    "nonsense",
    [
        "text",
        7,
        {"x": 1},
        [[]],
        [[[1]]],
        [[[1, float("inf")]]],
        np.zeros((4, 4)),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_nonsense_is_refused_with_a_reason(nonsense) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        glyph(nonsense)


if __name__ == "__main__":
    tiles = [grey(drawing()).astype(np.uint8).repeat(ZOOM, 0).repeat(ZOOM, 1) for drawing in CASES.values()]
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    Image.fromarray(np.vstack(rows)).save(SHEET, optimize=True)
    print(f"{len(tiles)} glyphs in {SHEET}: look at them")


parts = st.tuples(st.floats(0, 0.99), st.floats(0, 0.99))  # of the width and the height of a picture


@few
@given(st.integers(20, 900), st.integers(20, 900), st.lists(parts, min_size=1, max_size=9), st.booleans())
def test_no_ink_is_too_thin(width: int, height: int, places: list, joined: bool) -> None:
    "Neither specks nor lines of one pixel on a large page."
    picture = Image.new("L", (width, height), 255)
    pen, points = ImageDraw.Draw(picture), [(int(x * width), int(y * height)) for x, y in places]
    pen.point(points, 0)
    if joined:
        pen.line(points, 0)
    assert not is_empty(glyph(picture))
