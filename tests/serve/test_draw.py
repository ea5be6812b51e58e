"""What the drawing page promises, checked in a real browser on a real server."""

import json
import re
import signal
from collections.abc import Iterator
from shutil import rmtree

import psutil
import pytest
from playwright.sync_api import Page, expect
from support.browser import LAPTOP, PHONE
from support.pages import DRAWING, Serving, serving
from support.pointer import Pointer
from support.strokes import letter
from support.waiting import eventually

from ukr_letters.alphabet import DIGITS, LETTERS, symbol
from ukr_letters.collector import PER_MINUTE, Allowance, outbox_folder
from ukr_letters.ink import RENDERER
from ukr_letters.pad import LINES, SIZE
from ukr_letters.sample import Sample, Verdict, now
from ukr_letters.store import open_store
from ukr_letters.texts import text
from ukr_letters.wanted import PAGE, SYMBOLS

PAINTED = """() => {
  const canvas = document.querySelector('.ukr-pad-surface canvas') ?? document.querySelector('canvas.ukr-pad-surface');
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let dark = 0;
  for (let i = 0; i < pixels.length; i += 4) dark += pixels[i] < 60 && pixels[i + 3] > 200;
  return dark;
}"""


def painted(page: Page) -> int:
    "Ink pixels on the ipycanvas surface."
    return page.evaluate(PAINTED)


def kept_since(server: Serving, before: list, count: int = 1) -> list:
    "Drawings kept since a list was taken, waited for."
    known = {sample.id for sample in before}

    def fresh() -> list:
        return [sample for sample in server.samples() if sample.id not in known]

    eventually(lambda: len(fresh()) >= count)
    return fresh()


def answer(page: Page) -> str:
    "The symbol that the page shows."
    return page.locator(".ukr-char").inner_text()


def test_a_letter_is_drawn_answered_corrected_and_kept(visit, server):
    before, asked, errors = server.samples(), [], []
    page = visit()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(error))
    page.reload()
    page.wait_for_selector(DRAWING)
    Pointer(page).draw("Ж")
    assert answer(page) == "Ж"
    expect(page.locator(".ukr-headline")).to_have_text(text("capital"))
    expect(page.locator(".ukr-alternatives button:enabled")).to_have_count(5)
    page.get_by_role("button", name=text("alphabet")).click()
    page.get_by_role("button", name=text("choose", char="Щ", kind=text("capital"))).click()
    expect(page.locator(".ukr-headline")).to_have_text(text("thanks"))
    expect(page.locator(".ukr-status")).to_have_text(text("saved"))
    (sample,) = kept_since(server, before)
    assert (sample.label, sample.uppercase, sample.device) == ("щ", True, "mouse")
    assert len(sample.ink) == 5 and sample.guess["top"][0][0] == "ж" and sample.guess["mode"] == "auto"
    strangers = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert len(asked) > 10 and not strangers and not errors


def test_size_on_the_guide_lines_tells_the_case(visit):
    page = visit()
    Pointer(page).draw("с")
    assert answer(page) == "с"
    page.keyboard.press("Escape")
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    for stroke in letter("с"):  # the same shape, standing on the baseline and reaching up to the cap line
        Pointer(page).stroke([[200 + 1.65 * (x - 200), 296 - 1.65 * (296 - y)] for x, y in stroke])
    assert answer(page) == "С"


@pytest.mark.parametrize("char", ["5", "я", "А"])
def test_ink_arrives_as_it_was_drawn(visit, server, char):
    before, page = server.samples(), visit()
    Pointer(page).draw(char)
    assert answer(page) == char
    page.get_by_role("button", name=text("yes")).click()
    (sample,) = kept_since(server, before)
    assert sample.label == char.lower()
    for drawn, kept in zip(letter(char), sample.ink, strict=True):
        ends = [(drawn[i][axis], kept[i][axis]) for i in (0, -1) for axis in (0, 1)]
        assert all(abs(there - here) < 1 for there, here in ends)
    times = [point[2] for stroke in sample.ink for point in stroke]
    assert times[0] == 0 and times == sorted(times) and times[-1] > 0


def test_a_finger_draws_dots_on_a_phone_and_nothing_moves(visit, server):
    before, page = server.samples(), visit(**PHONE)
    hand = Pointer(page, "touch")
    places = [".ukr-pad-layer", ".ukr-tools", ".ukr-answer", ".ukr-alternatives", ".ukr-notice"]
    boxes = [page.locator(place).bounding_box() for place in places]
    hand.draw("ї")
    assert answer(page) in "їЇ"
    assert [page.locator(place).bounding_box() for place in places] == boxes
    assert page.evaluate("[scrollX, scrollY, document.documentElement.scrollWidth]") == [0, 0, 390]
    assert page.locator(".ukr-pad-layer").evaluate("layer => getComputedStyle(layer).touchAction") == "none"
    assert page.evaluate("getComputedStyle(document.body).touchAction") == "auto"
    sizes = page.locator(".ukr-page button:visible").evaluate_all("all => all.map((b) => b.offsetHeight)")
    assert len(sizes) > 8 and min(sizes) >= 44
    page.get_by_role("button", name=text("clear")).tap()
    (sample,) = kept_since(server, before)
    assert (sample.label, sample.device) == (None, "touch")
    assert [len(stroke) == 1 for stroke in sample.ink] == [False, True, True]


def test_a_second_finger_draws_nothing(visit):
    page = visit(**PHONE)
    hand = Pointer(page, "touch")
    fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate([hand.place(100, 100), hand.place(300, 300)])]
    touch = lambda kind, points: hand.browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch("touchStart", fingers[:1])
    touch("touchStart", fingers)
    touch("touchMove", [{**finger, "y": finger["y"] + 40} for finger in fingers])
    touch("touchEnd", [])
    page.wait_for_selector(f"{DRAWING}[data-strokes='1']")
    page.wait_for_timeout(200)
    assert hand.strokes() == 1


def test_a_pen_is_known_as_a_pen(visit, server):
    before, page = server.samples(), visit()
    Pointer(page, "pen").draw("с")
    page.keyboard.press("Escape")
    assert [sample.device for sample in kept_since(server, before)] == ["pen"]


def test_two_visitors_do_not_meet(visit, server):
    before, one, other = server.samples(), visit(), visit()
    Pointer(one).draw("8")
    Pointer(other).draw("Ю")
    assert answer(one) == "8" and answer(other).lower() == "ю" and Pointer(one).strokes() == 1
    for page in (one, other):
        page.keyboard.press("Enter")
    samples = kept_since(server, before, 2)
    assert {sample.label for sample in samples} == {"8", "ю"} and len({sample.writer for sample in samples}) == 2


def test_a_reload_leaves_no_ghost_and_loses_nothing(visit, server):
    before, page = server.samples(), visit()
    Pointer(page).draw("2")
    eventually(lambda: painted(page) > 1000)
    writer = page.evaluate("localStorage.getItem('ukr-letters.writer')")
    page.reload()
    page.wait_for_selector(DRAWING)
    eventually(lambda: page.evaluate("document.querySelectorAll('.ukr-pad-surface').length"))
    assert painted(page) == 0 and answer(page) == "" and Pointer(page).strokes() == 0
    (sample,) = kept_since(server, before)
    assert (sample.label, len(sample.ink), sample.writer) == (None, 2, writer)


def test_an_empty_pad_hints_and_never_predicts(visit, server):
    before, page = server.samples(), visit()
    expect(page.locator(".ukr-hint")).to_have_text(text("hint"))
    for key in ("Enter", "Escape", "1", "Control+z", "Control+y"):
        page.keyboard.press(key)
    Pointer(page).draw("с")
    page.keyboard.press("Control+z")
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    expect(page.locator(".ukr-hint")).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert answer(page) == "" and page.locator(".ukr-alternatives button:enabled").count() == 0
    assert len(server.samples()) == len(before)


def test_undo_redo_clear_by_button_and_by_key(visit):
    page = visit()
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
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    assert eventually(lambda: painted(page) == 0)


def test_mode_decides_what_can_be_answered(visit):
    page = visit()
    Pointer(page).draw("8")
    for mode, allowed in (("letters", LETTERS), ("digits", DIGITS)):
        page.get_by_label(text(mode), exact=True).check(force=True)
        eventually(lambda: answer(page).lower() in (*allowed, "?"))  # noqa: B023
        offered = page.locator(".ukr-alternatives button").evaluate_all("all => all.map((b) => b.dataset.char)")
        assert len(offered) == 5 and all(char.lower() in allowed for char in offered)
    assert answer(page) == "8"


def test_english_is_one_tap_away_and_remembered(visit):
    page = visit()
    assert page.evaluate("document.documentElement.lang") == "uk"
    page.get_by_role("button", name="English").click()
    page.reload()
    page.wait_for_selector(DRAWING)
    assert page.title() == text("title", "en") and page.evaluate("document.documentElement.lang") == "en"
    Pointer(page).draw("5")
    expect(page.locator("[aria-live=polite]")).to_contain_text(f"5, {text('digit', 'en')}")


def test_nothing_is_kept_when_the_switch_is_off(visit, server):
    before, page = server.samples(), visit()
    page.get_by_role("switch").uncheck()
    expect(page.locator(".ukr-status")).to_have_text(text("collect_off"))
    Pointer(page).draw("м")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    page.reload()
    page.wait_for_selector(DRAWING)
    expect(page.get_by_role("switch")).not_to_be_checked()
    Pointer(page).draw("м")
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    assert len(server.samples()) == len(before)


def test_the_keyboard_reaches_everything(visit, server):
    before, page = server.samples(), visit()
    Pointer(page).draw("Б")
    third = page.locator(".ukr-alternatives button").nth(2).get_attribute("data-char")
    page.keyboard.press("3")
    (sample,) = kept_since(server, before)
    assert sample.label == third.lower()
    met = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        met.add(page.evaluate("document.activeElement.outerHTML"))
    assert len(met) >= 4  # language, modes, collecting, the browser itself: no trap


def test_a_closed_tab_frees_its_kernel_and_keeps_the_drawing(visit, server):
    before, page = server.samples(), visit()
    name = json.loads(page.locator("#jupyter-config-data").text_content())["kernelId"]
    running = psutil.process_iter(["cmdline"])
    (kernel,) = [process for process in running if name in " ".join(process.info["cmdline"] or [])]
    Pointer(page).draw("Щ")
    page.close(run_before_unload=True)
    kernel.wait(timeout=10)  # raises when it does not end
    (sample,) = kept_since(server, before)
    assert sample.label is None and len(sample.ink) == 5


def test_trouble_is_said_and_nothing_is_lost(visit, tmp_path):
    place = tmp_path / "samples"
    with serving(place, pool=1) as broken:
        rmtree(place)
        place.write_text("a file in the place of the store")
        page = visit(broken.url, **LAPTOP)
        Pointer(page).draw("5")
        assert answer(page) == "5"
        page.keyboard.press("Enter")
        expect(page.locator(".ukr-status")).to_have_text(text("waiting"))
        place.unlink()
        expect(page.locator(".ukr-status")).to_have_text(text("saved"), timeout=10_000)
        assert [sample.label for sample in broken.samples()] == ["5"]
        broken.process.send_signal(signal.SIGTERM)
        broken.process.wait(timeout=20)
        page.get_by_role("button", name="English").click()
        page.get_by_label(text("digits", "en"), exact=True).check(force=True)
        expect(page.get_by_role("alert")).to_contain_text(text("lost", "en"), timeout=8000)
        expect(page.get_by_role("button", name=text("reload", "en"))).to_be_visible()


def contrasts(page: Page) -> dict[str, float]:
    "Words that can be seen -> contrast between them and what they stand on."
    pairs = page.evaluate("""() => [...document.querySelectorAll('.ukr-page :is(p, button, h1, h2, h3, legend, span, label, th, td, small)')]
      .filter((part) => part.innerText?.trim() && part.checkVisibility())
      .map((part) => {
        let ground = part;
        while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
        return [getComputedStyle(part).color, getComputedStyle(ground).backgroundColor, part.innerText];
      })""")

    def light(colour: str) -> float:
        channels = [int(value) / 255 for value in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    return {words: max(light(a), light(b)) / min(light(a), light(b)) for a, b, words in pairs}


def test_contrast_is_enough_for_weak_eyes(visit):
    page = visit()
    ratios = contrasts(page)
    assert len(ratios) > 10
    practise(page)
    ratios |= contrasts(page)
    for window in ("gallery", "wanted", "mine"):
        page.get_by_role("button", name=text(window)).click()
        ratios |= contrasts(page)
        page.get_by_role("button", name=text("close")).click()
    assert len(ratios) > 60 and min(ratios.values()) >= 4.5, json.dumps(ratios, ensure_ascii=False)


# Practice: the page asks, the label is what it asked for


def request(char: str, language: str = "uk") -> str:
    "The words with which the page asks for a symbol."
    kind = "digit" if char.isdigit() else "capital" if char.isupper() else "small"
    return text(f"task_{kind}", language, char=char)


def practise(page: Page) -> str:
    "Begin to practise; what is asked for."
    page.get_by_role("button", name=text("practice")).click()
    page.wait_for_selector("[data-state=task]")
    return answer(page)


def test_practice_keeps_what_was_asked_for_whatever_the_model_reads(visit, server):
    before, page = server.samples(), visit()
    wanted = practise(page)
    expect(page.locator("h1")).to_have_text(request(wanted))
    expect(page.locator(".ukr-hint")).to_have_text(request(wanted))
    Pointer(page).draw("Ж")
    assert answer(page) == "Ж"
    page.keyboard.press("3")  # the alternatives do not count: it is known what this is
    expect(page.locator(".ukr-detail")).to_contain_text(wanted)
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-tally")).to_have_text(text("tally", number=1))
    expect(page.locator(".ukr-ask")).to_contain_text("Ж")
    (sample,) = kept_since(server, before)
    assert symbol(sample.label).char(sample.uppercase) == wanted and sample.guess["top"][0][0] == "ж"
    asked = [wanted, answer(page)]
    for _ in range(4):
        page.get_by_role("button", name=text("task_skip")).click()
        expect(page.locator(".ukr-char")).not_to_have_text(asked[-1])
        asked.append(answer(page))
    assert set(asked) <= set(SYMBOLS["auto"]) and all(one != next for one, next in zip(asked, asked[1:]))
    page.get_by_role("button", name=text("practice_stop")).click()
    expect(page.locator("h1")).to_have_text(text("title"))
    assert len(server.samples()) == len(before) + 1


def test_practice_says_when_the_model_reads_right_and_asks_in_english(visit):
    page = visit()
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name=text("wanted", "en")).click()
    page.get_by_role("button", name=text("draw_this", "en", char="А", kind=text("capital", "en")), exact=True).click()
    expect(page.locator("h1")).to_have_text("Draw a capital А")
    expect(page.locator("[aria-live=polite]")).to_contain_text("Draw a capital А")
    Pointer(page).draw("А")
    expect(page.locator(".ukr-detail")).to_have_text(text("task_right", "en"))
    page.get_by_role("button", name=text("task_done", "en")).click()
    expect(page.locator(".ukr-ask")).to_have_text(text("told_right", "en", char="А"))
    page.get_by_label(text("digits", "en"), exact=True).check(force=True)
    expect(page.locator(".ukr-char")).to_have_text(re.compile("[0-9]"))
    expect(page.locator("h1")).to_have_text(request(answer(page), "en"))


def test_nothing_moves_in_practice_on_a_phone(visit):
    page = visit(**PHONE)
    places = [".ukr-pad-layer", ".ukr-tools", ".ukr-answer", ".ukr-mode", ".ukr-notice"]
    boxes = [page.locator(place).bounding_box() for place in places]
    assert boxes[-1]["y"] > 844 and page.locator(".ukr-more").bounding_box()["y"] > 844  # below the fold
    practise(page)
    assert [page.locator(place).bounding_box() for place in places] == boxes
    Pointer(page, "touch").draw("с")
    assert [page.locator(place).bounding_box() for place in places] == boxes
    page.get_by_role("button", name=text("task_done")).tap()
    expect(page.locator(".ukr-tally")).to_have_text(text("tally", number=1))
    assert [page.locator(place).bounding_box() for place in places] == boxes
    for window in ("gallery", "wanted", "mine"):
        page.get_by_role("button", name=text(window)).tap()
        assert page.locator(
            "dialog"
        ).evaluate("""(dialog) => [...dialog.querySelectorAll('button')]
          .filter((each) => each.checkVisibility()).every((each) => Math.min(each.offsetHeight, each.offsetWidth) >= 44)""")
        assert page.locator("dialog").evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") == 0
        page.get_by_role("button", name=text("close")).tap()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_keyboard_is_enough_to_practise(visit, server):
    before, page = server.samples(), visit()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=text("practice"))).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-state=task]")
    wanted = answer(page)
    expect(page.locator("[aria-live=polite]")).to_have_text(request(wanted))
    Pointer(page).draw("с")
    page.keyboard.press("Enter")
    (sample,) = kept_since(server, before)
    assert sample.label == wanted.lower()
    page.get_by_role("button", name=text("mine")).press("Enter")
    page.keyboard.press("Escape")  # closes the window
    expect(page.get_by_role("button", name=text("mine"))).to_be_focused()


# What there is: the gallery, and the table of what is missing

RARE, COMMON = "Ґї", "о"


def accepted(char: str, number: int) -> tuple[Sample, Verdict]:
    "A drawing, a little different for each number, with the verdict that accepts it."
    said, x = symbol(char), 100 + number
    case = char.isupper() if said.is_letter else None
    guess = {"mode": "auto", "top": [[said.label, 0.9]], "uppercase_probability": 0.5}
    ink, canvas = [[[x, 160, 0], [x, 296, 80], [x + 90, 296, 160]]], {"width": SIZE, "height": SIZE, **LINES}
    sample = Sample(ink, said.label, case, guess, "m", RENDERER, "1" * 32, "pen", canvas, now(), "2026-11")
    return sample, Verdict(sample.id, "accept", said.label, case, None, "olena", now())


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server whose store has a drawing of every symbol but two, and more of one than a page holds."
    folder = tmp_path_factory.mktemp("stocked") / "samples"
    store = open_store(str(folder))
    for number, char in enumerate([*SYMBOLS["auto"], *COMMON * PAGE]):
        if char not in RARE:
            sample, verdict = accepted(char, number)
            store.add(sample)
            store.judge(verdict)
    with serving(folder, pool=1) as running:
        yield running


def test_the_gallery_shows_the_accepted_drawings_of_a_symbol(visit, stocked):
    page = visit(stocked.url, **LAPTOP)
    page.get_by_role("button", name=text("gallery")).click()
    gallery = page.locator("dialog")
    expect(gallery).to_contain_text(text("gallery_sum", number=74 + PAGE, kinds=74, all=76))
    gallery.get_by_role("button", name=text("gallery_symbol", char="о", kind=text("small"), number=PAGE + 1)).click()
    expect(gallery.locator("svg")).to_have_count(PAGE)
    assert gallery.locator("svg").first.locator("path").evaluate("path => path.getTotalLength()") > 40
    gallery.get_by_role("button", name=text("older")).click()
    expect(gallery.locator("svg")).to_have_count(1)
    gallery.get_by_role("button", name=text("newer")).click()
    expect(gallery.locator("svg")).to_have_count(PAGE)
    gallery.get_by_label(text("capitals")).check(force=True)
    gallery.get_by_role("button", name=text("gallery_symbol", char="Ґ", kind=text("capital"), number=0)).click()
    expect(gallery).to_contain_text(text("gallery_none"))
    gallery.get_by_role("button", name=text("draw_it")).click()
    expect(page.locator("h1")).to_have_text(request("Ґ"))


def test_the_rarest_is_asked_for_first(visit, stocked):
    page = visit(stocked.url, **LAPTOP)
    page.get_by_role("button", name=text("wanted")).click()
    expect(page.locator("dialog tbody tr").nth(2)).to_contain_text("1")  # counted
    rows = page.locator("dialog tbody tr").evaluate_all("all => all.map((row) => row.dataset.char)")
    assert len(rows) == 76 and set(rows[:2]) == set(RARE) and rows[-1] == COMMON
    page.get_by_role("button", name=text("close")).click()
    first = practise(page)
    page.get_by_role("button", name=text("task_skip")).click()
    expect(page.locator("h1")).not_to_have_text(request(first))
    assert {first, answer(page)} == set(RARE)


# One's own drawings


def code(page: Page) -> str:
    "What this browser is known by."
    return page.evaluate("localStorage.getItem('ukr-letters.writer')")


def keep(page: Page, char: str) -> None:
    "Draw a symbol, confirm it and wait until it is kept."
    Pointer(page).draw(char)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    expect(page.locator(".ukr-status")).to_have_text(text("saved"))


def writers(server: Serving) -> list[str]:
    "Who has drawn what is kept."
    return [sample.writer for sample in server.samples()]


def test_own_drawings_are_deleted_when_that_is_confirmed(visit, server):
    page, other = visit(), visit()
    keep(page, "5")
    keep(other, "5")
    own = code(page)
    page.get_by_role("button", name=text("mine")).click()
    assert page.get_by_label(text("mine_code")).input_value().replace("-", "") == own
    page.get_by_role("button", name=text("delete")).click()
    page.get_by_role("button", name=text("delete_no")).click()
    assert own in writers(server)
    page.get_by_role("button", name=text("delete")).click()
    page.get_by_role("button", name=text("delete_yes")).click()
    said = f"{text('deleted', number=1)} {text('renewed')}"
    expect(page.locator("dialog").get_by_role("status")).to_have_text(said)
    assert own not in writers(server) and code(other) in writers(server)
    page.get_by_role("button", name=text("close")).click()
    keep(page, "8")
    assert code(page) != own and code(page) in writers(server)


def test_drawings_of_another_browser_are_deleted_by_its_code(visit, server):
    phone, page = visit(), visit()
    keep(phone, "5")
    theirs = code(phone)
    page.get_by_role("button", name=text("mine")).click()
    field = page.get_by_label(text("delete_code"))
    for typed, said in (
        ("0123", text("no_code")),
        ("0" * 32, text("deleted", number=0)),
        (f" {theirs[:16].upper()} {theirs[16:]}", text("deleted", number=1)),
    ):
        field.fill(typed)
        page.get_by_role("button", name=text("delete")).click()
        if said != text("no_code"):
            page.get_by_role("button", name=text("delete_yes")).click()
        expect(page.locator("dialog").get_by_role("status")).to_have_text(said)
    assert theirs not in writers(server)
    Pointer(phone).draw("8")  # under the old code nothing is kept any more, so that browser gets a new one
    phone.keyboard.press("Enter")
    expect(phone.locator(".ukr-status")).to_have_text(text("withdrawn"))
    keep(phone, "8")
    assert code(phone) != theirs and code(phone) in writers(server)


def test_a_copied_code_is_the_own_code(new_context, server):
    context = new_context(**LAPTOP, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector(DRAWING, timeout=20_000)
    page.get_by_role("button", name=text("mine")).click()
    page.get_by_role("button", name=text("copy")).click()
    expect(page.locator("dialog").get_by_role("status")).to_have_text(text("copied"))
    assert page.evaluate("navigator.clipboard.readText()").replace("-", "") == code(page)


def test_who_draws_too_much_is_told_kindly(visit, server):
    before, page = server.samples(), visit()
    allowance = Allowance(outbox_folder(str(server.folder)) / "times")
    assert all(allowance.grant(code(page)) for _ in range(PER_MINUTE))
    Pointer(page).draw("5")
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-status")).to_have_text(text("limited"))
    practise(page)
    Pointer(page).draw("5")
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-tally")).to_have_text(text("limited"))
    assert len(server.samples()) == len(before)
