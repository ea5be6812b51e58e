"""What the drawing page promises, checked in a real browser on a real server."""

import json

import psutil
import pytest
from playwright.sync_api import Page, expect
from support.browser import PHONE
from support.pages import DRAWING, answer, code
from support.pointer import Pointer
from support.strokes import doubted, letter, read_on_pad, round_twin
from support.waiting import eventually

from ukr_letters.core.alphabet import DIGITS, LETTERS
from ukr_letters.serve.texts import text

BUSY = """
  const own = setTimeout;
  window.setTimeout = (call, after, ...more) => own(call, after === 100 ? 2500 : after, ...more);
"""
PAINTED = """() => {
  const canvas = document.querySelector('.ukr-pad-surface canvas') ?? document.querySelector('canvas.ukr-pad-surface');
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let dark = 0;
  for (let i = 0; i < pixels.length; i += 4) dark += pixels[i] < 60 && pixels[i + 3] > 200;
  return dark;
}"""


def kind(char: str) -> str:
    "The words for what a symbol is."
    return text("digit" if char.isdigit() else "capital" if char.isupper() else "small")


def painted(page: Page) -> int:
    "Ink pixels on the ipycanvas surface."
    return page.evaluate(PAINTED)


def emptied(page: Page) -> None:
    "Wait until the pad is empty."
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")


def test_a_letter_is_drawn_answered_corrected_and_kept(windows, server):
    page = windows.visit()
    Pointer(page).draw("Ж")
    assert answer(page) == "Ж"
    expect(page.locator(".ukr-headline")).to_have_text(text("capital"))
    expect(page.locator(".ukr-alternatives button:enabled")).to_have_count(5)
    page.get_by_role("button", name=text("alphabet")).click()
    page.get_by_role("button", name=text("choose", char="Щ", kind=text("capital"))).click()
    expect(page.locator(".ukr-headline")).to_have_text(text("thanks"))
    expect(page.locator(".ukr-status")).to_have_text(text("saved"))
    (sample,) = server.drawn_by(code(page), 1)
    assert (sample.label, sample.uppercase, sample.device) == ("щ", True, "mouse")
    assert len(sample.ink) == 5 and sample.guess["top"][0][0] == "ж" and sample.guess["mode"] == "auto"


@pytest.mark.parametrize("screen", [{}, PHONE])
def test_two_letters_are_refused_with_the_reason(windows, screen):
    page = windows.visit(**screen)
    for place in (0, 200):
        for stroke in letter("м"):
            Pointer(page).stroke([[place + x / 2, y] for x, y in stroke])
    page.wait_for_selector(f"{DRAWING}[data-state='refused']")
    expect(page.locator(".ukr-headline")).to_have_text(text("several"))
    expect(page.locator(".ukr-detail")).to_have_text(text("several_more"))
    expect(page.locator(".ukr-bar")).to_be_hidden()  # no certainty beside an answer that is none
    expect(page.locator(".ukr-alternatives button:enabled")).to_have_count(5)
    for language in range(2):
        whole = page.locator(".ukr-headline").evaluate("line => line.scrollWidth <= line.clientWidth")
        assert whole, f"the reason is cut off in language {language}"
        page.locator(".ukr-language").click()


def test_size_on_the_guide_lines_and_mode_decide_what_is_answered(windows):
    page = windows.visit()
    Pointer(page).draw("с")
    assert answer(page) == "с"
    page.keyboard.press("Escape")
    emptied(page)
    for stroke in letter("с"):  # the same shape, standing on the baseline and reaching up to the cap line
        Pointer(page).stroke([[200 + 1.65 * (x - 200), 296 - 1.65 * (296 - y)] for x, y in stroke])
    assert answer(page) == "С"
    page.keyboard.press("Escape")
    emptied(page)
    Pointer(page).draw("8")
    for mode, allowed in (("letters", LETTERS), ("digits", DIGITS)):
        page.get_by_label(text(mode), exact=True).check(force=True)
        offered = page.locator(".ukr-alternatives button")
        chars = lambda: offered.evaluate_all("all => all.map((one) => one.dataset.char.toLowerCase())")  # noqa: B023
        assert eventually(lambda: len(chars()) == 5 and set(chars()) <= {*allowed})  # noqa: B023
        assert answer(page).lower() in (*allowed, "?")
    assert answer(page) == "8"


@pytest.mark.parametrize(("drawing", "reason"), [(round_twin, "rivals"), (doubted, "rivals_case")])
def test_two_readings_are_named_together_and_a_tap_says_which(windows, server, drawing, reason):
    page = windows.visit(**PHONE)
    hand, places = Pointer(page, "touch"), [".ukr-answer", ".ukr-alternatives", ".ukr-notice"]
    boxes = [page.locator(place).bounding_box() for place in places]
    named = read_on_pad(drawing()).named
    for count, char in enumerate(named, 1):
        for stroke in drawing():
            hand.stroke(stroke)
        assert page.locator(".ukr-char").inner_text().split() == [named[0], text("or"), named[1]]
        expect(page.locator(".ukr-ask")).to_have_text(text(reason))
        expect(page.locator("[aria-live=polite]")).to_contain_text(f" {text('or')} {named[1]}, ")
        expect(page.get_by_role("button", name=text("yes"))).to_be_hidden()
        offered = page.locator(".ukr-alternatives button").evaluate_all("all => all.map((b) => b.dataset.char)")
        assert len(offered) == 5 and not set(offered) & set(named)
        assert [page.locator(place).bounding_box() for place in places] == boxes  # nothing moves
        inside = page.locator(".ukr-both").bounding_box()
        assert inside["x"] + inside["width"] <= 390 - 16 and inside["height"] >= 44
        assert page.locator(".ukr-char").evaluate("place => place.scrollWidth <= place.clientWidth")
        button = page.locator(f".ukr-both button[data-char='{char}']")
        expect(button).to_have_accessible_name(text("choose", char=char, kind=kind(char)))
        button.tap()
        emptied(page)
        sample = server.drawn_by(code(page), count)[-1]
        assert (sample.label, sample.uppercase) == (char.lower(), None if char == "0" else char.isupper())
    for stroke in drawing():
        hand.stroke(stroke)
    page.keyboard.press("Enter")  # the likelier one
    assert server.drawn_by(code(page), 3)[-1].label == named[0].lower()


def test_ink_arrives_as_it_was_drawn(windows, server):
    page = windows.visit()
    for count, char in enumerate("5яА", 1):
        Pointer(page).draw(char)
        assert answer(page) == char
        page.locator(".ukr-yes:visible").click()  # of two readings, the likelier one
        emptied(page)
        (sample,) = [one for one in server.drawn_by(code(page), count) if one.label == char.lower()]
        for drawn, kept in zip(letter(char), sample.ink, strict=True):
            ends = [(drawn[i][axis], kept[i][axis]) for i in (0, -1) for axis in (0, 1)]
            assert all(abs(there - here) < 1 for there, here in ends)
        times = [point[2] for stroke in sample.ink for point in stroke]
        assert times[0] == 0 and times == sorted(times) and times[-1] > 0
    Pointer(page, "pen").draw("с")
    page.keyboard.press("Escape")
    assert [sample.device for sample in server.drawn_by(code(page), 4) if sample.label is None] == ["pen"]


def test_a_finger_draws_dots_on_a_phone_and_a_second_one_nothing(windows, server):
    page = windows.visit(**PHONE)
    hand = Pointer(page, "touch")
    places = [".ukr-pad-layer", ".ukr-tools", ".ukr-answer", ".ukr-alternatives", ".ukr-notice"]
    boxes = [page.locator(place).bounding_box() for place in places]
    hand.draw("ї")
    assert answer(page) in "їЇ"
    assert [page.locator(place).bounding_box() for place in places] == boxes  # nothing moves
    assert page.evaluate("[scrollX, scrollY, document.documentElement.scrollWidth]") == [0, 0, 390]
    assert page.locator(".ukr-pad-layer").evaluate("layer => getComputedStyle(layer).touchAction") == "none"
    assert page.evaluate("getComputedStyle(document.body).touchAction") == "auto"
    sizes = page.locator(".ukr-page button:visible").evaluate_all("all => all.map((b) => b.offsetHeight)")
    assert len(sizes) > 8 and min(sizes) >= 44
    page.get_by_role("button", name=text("clear")).tap()
    (sample,) = server.drawn_by(code(page), 1)
    assert (sample.label, sample.device) == (None, "touch")
    assert [len(stroke) == 1 for stroke in sample.ink] == [False, True, True]
    emptied(page)
    fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(hand.places([[100, 100], [300, 300]]))]
    touch = lambda kind, points: hand.browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch("touchStart", fingers[:1])
    touch("touchStart", fingers)
    touch("touchMove", [{**finger, "y": finger["y"] + 40} for finger in fingers])
    touch("touchEnd", [])
    page.wait_for_selector(f"{DRAWING}[data-strokes='1']")
    page.wait_for_timeout(200)
    assert hand.strokes() == 1


def test_a_palm_before_the_pen_or_between_its_strokes_draws_nothing(windows):
    page = windows.visit(**PHONE)
    palm, pen = Pointer(page, "touch"), Pointer(page, "pen")

    def move(hand, path):
        "A stroke without waiting for its answer."
        places = hand.places(path)
        for kind, place in zip(["press", *["move"] * (len(places) - 1), "lift"], [*places, places[-1]], strict=True):
            hand.point(kind, *place)

    resting = [[330, 380], [338, 388]]
    strokes = letter("ї")
    move(palm, resting)
    for stroke in strokes:
        move(pen, stroke)
        move(palm, resting)
    page.wait_for_selector(f"{DRAWING}[data-strokes='{len(strokes)}']")
    page.wait_for_timeout(300)
    assert palm.strokes() == len(strokes) and answer(page) in "їЇ"


SCREENS = [(667, 375), (640, 400), (426, 266), (360, 640), (768, 1024), (1024, 600)]


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_whole_pad_is_in_the_window(windows, width, height):
    "Of a phone on its side, and of a laptop at 200 % and 300 %; nothing is wider than the window."
    page = windows.visit("sized")
    page.set_viewport_size({"width": width, "height": height})
    box = page.locator(".ukr-pad").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height, box
    assert box["width"] >= 180 and page.evaluate("document.documentElement.scrollWidth") <= width
    if width >= 560:  # the answer stands beside the pad
        assert page.locator(".ukr-answer").bounding_box()["y"] < box["y"] + box["height"]


def test_ink_stays_dark_on_white_whatever_colours_the_system_chooses(windows):
    page = windows.visit("colours")
    page.emulate_media(forced_colors="active", color_scheme="dark")
    colours = page.locator(".ukr-pad").evaluate(
        "pad => [getComputedStyle(pad).backgroundColor, getComputedStyle(pad).colorScheme]"
    )
    assert colours == ["rgb(255, 255, 255)", "light only"]
    assert page.locator("meta[name=color-scheme]").get_attribute("content") == "only light"


def test_two_visitors_do_not_meet_and_a_closed_tab_frees_its_kernel(windows, server):
    one, other = windows.visit(), windows.visit("second")
    writers = code(one), code(other)
    Pointer(one).draw("8")
    Pointer(other).draw("Ю")
    assert answer(one) == "8" and answer(other).lower() == "ю" and Pointer(one).strokes() == 1
    for page in (one, other):
        page.keyboard.press("Enter")
    kept = [server.drawn_by(writer, 1) for writer in writers]
    assert [[sample.label for sample in samples] for samples in kept] == [["8"], ["ю"]] and len(set(writers)) == 2
    emptied(other)
    name = json.loads(other.locator("#jupyter-config-data").text_content())["kernelId"]
    running = psutil.process_iter(["cmdline"])
    (kernel,) = [process for process in running if name in " ".join(process.info["cmdline"] or [])]
    Pointer(other).draw("Щ")
    other.close(run_before_unload=True)
    kernel.wait(timeout=20)  # raises when it does not end
    *_, sample = server.drawn_by(writers[1], 2)
    assert sample.label is None and len(sample.ink) == 5


def test_a_reload_keeps_language_and_switch_leaves_no_ghost_and_loses_nothing(windows, server):
    page, asked, errors = windows.visit(), [], []
    writer = code(page)
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(error))
    assert page.evaluate("document.documentElement.lang") == "uk"
    page.get_by_role("switch").uncheck()
    expect(page.locator(".ukr-status")).to_have_text(text("collect_off"))
    Pointer(page).draw("м")
    page.keyboard.press("Enter")
    emptied(page)
    page.get_by_role("button", name="English").click()
    page.reload()
    page.wait_for_selector(DRAWING)
    assert page.title() == text("title", "en") and page.evaluate("document.documentElement.lang") == "en"
    expect(page.get_by_role("switch")).not_to_be_checked()
    Pointer(page).draw("м")
    page.keyboard.press("Escape")
    emptied(page)
    page.wait_for_timeout(500)
    assert not server.drawn_by(writer)
    page.get_by_role("switch").check()
    Pointer(page).draw("5")
    expect(page.locator("[aria-live=polite]")).to_contain_text(f"5, {text('digit', 'en')}")
    assert eventually(lambda: painted(page) > 1000)
    page.reload()
    page.wait_for_selector(DRAWING)
    eventually(lambda: page.evaluate("document.querySelectorAll('.ukr-pad-surface').length"))
    assert painted(page) == 0 and answer(page) == "" and Pointer(page).strokes() == 0
    (sample,) = server.drawn_by(writer, 1)
    assert (sample.label, len(sample.ink), code(page)) == (None, 3, writer)
    strangers = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert len(asked) > 10 and not strangers and not errors


def test_a_page_whose_thread_is_busy_comes_too(windows):
    "What the widgets ask for every 100 ms, for at most 2 s, they ask for too late: ipywidgets 8.1.9 then gave up the page."
    page = windows.visit("busy")
    page.add_init_script(BUSY)
    page.reload()
    page.wait_for_selector(DRAWING)


def test_an_empty_pad_hints_and_never_predicts(windows, server):
    page = windows.visit()
    expect(page.locator(".ukr-hint")).to_have_text(text("hint"))
    for key in ("Enter", "Escape", "1", "Control+z", "Control+y"):
        page.keyboard.press(key)
    Pointer(page).draw("с")
    page.keyboard.press("Control+z")
    emptied(page)
    expect(page.locator(".ukr-hint")).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert answer(page) == "" and page.locator(".ukr-alternatives button:enabled").count() == 0
    assert not server.drawn_by(code(page))


def test_undo_redo_clear_and_choosing_by_button_and_by_key(windows, server):
    page = windows.visit()
    Pointer(page).draw("А")
    whole = eventually(lambda: painted(page) > 4000 and painted(page))
    page.get_by_role("button", name=text("undo")).click()
    page.wait_for_selector(f"{DRAWING}[data-strokes='2']")
    assert eventually(lambda: painted(page) < whole) and painted(page) > 2000
    page.keyboard.press("Control+z")
    page.wait_for_selector(f"{DRAWING}[data-strokes='1']")
    page.get_by_role("button", name=text("redo")).click()
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_selector(f"{DRAWING}[data-strokes='3']")
    assert eventually(lambda: painted(page) == whole)
    page.get_by_role("button", name=text("clear")).click()
    emptied(page)
    assert eventually(lambda: painted(page) == 0)
    Pointer(page).draw("Б")
    third = page.locator(".ukr-alternatives button").nth(2).get_attribute("data-char")
    page.keyboard.press("3")
    emptied(page)
    labels = [sample.label for sample in server.drawn_by(code(page), 2)]
    assert sorted(labels, key=str) == sorted([None, third.lower()], key=str)  # what was cleared, and what was chosen


def test_the_keyboard_reaches_every_control_and_is_never_caught(windows):
    "The invisible surface took the focus and kept Tab for itself; all below could not be reached."
    page = windows.visit()
    Pointer(page).draw("Ж")
    met = []
    for _ in range(40):
        page.keyboard.press("Tab")
        met.append(page.evaluate("document.activeElement.className"))
    assert not [name for name in met if "surface" in name]
    wanted = page.locator("button:enabled:visible").evaluate_all("all => all.map((one) => one.className)")
    assert set(wanted) <= set(met)


KEYS = [  # what a layout types, and what is printed there for Latin; last the strokes that are left of two
    ("German", {"key": "z", "code": "KeyY"}, 1),
    ("German", {"key": "y", "code": "KeyZ"}, 2),
    ("French", {"key": "z", "code": "KeyW"}, 1),
    ("Ukrainian", {"key": "я", "code": "KeyZ"}, 1),
]


@pytest.mark.parametrize(("layout", "event", "left"), KEYS)
def test_undo_follows_what_a_key_types(windows, layout, event, left):
    page = windows.visit()
    for x in (100, 300):
        Pointer(page).stroke([[x, 100], [x, 290]])
    pressed = json.dumps(event | {"ctrlKey": True, "bubbles": True})
    page.evaluate(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {pressed}))")
    if left == 1:
        page.wait_for_selector(f"{DRAWING}[data-strokes='1']")
    Pointer(page).stroke([[200, 100], [200, 290]])  # what came before has been heard
    page.wait_for_selector(f"{DRAWING}[data-strokes='{left + 1}']")


def test_digits_of_a_french_keyboard_choose(windows):
    page = windows.visit()
    Pointer(page).draw("Б")
    page.evaluate(
        """document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '"', code: 'Digit3', bubbles: true}))"""
    )
    emptied(page)


def test_without_storage_the_code_for_deletion_is_that_of_the_drawings(browser, server):
    "Every question made another code, so that nothing could be deleted."
    context = browser.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied', 'SecurityError') }})"
    )
    page = context.new_page()
    page.goto(server.url, wait_until="commit")
    page.wait_for_selector(DRAWING, timeout=60_000)
    Pointer(page).draw("Ж")
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-status")).to_have_text(text("saved"))
    page.get_by_role("button", name=text("mine")).click()
    shown = page.locator("#ukr-own").input_value().replace("-", "")
    assert len(server.drawn_by(shown, 1)) == 1
    page.get_by_role("button", name=text("delete"), exact=True).click()
    page.get_by_role("button", name=text("delete_yes")).click()
    expect(page.locator(".ukr-report")).to_contain_text(text("deleted", number=1))
    context.close()


def test_the_tick_goes_when_drawings_are_not_kept(windows):
    page = windows.visit()
    Pointer(page).draw("Ж")
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-status")).to_have_attribute("data-status", "saved")
    page.locator("#ukr-collect").uncheck(force=True)
    expect(page.locator(".ukr-status")).to_have_text(text("collect_off"))
    expect(page.locator(".ukr-status")).to_have_attribute("data-status", "off")
