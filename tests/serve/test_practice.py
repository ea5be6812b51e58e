"""What the page promises to those who practise, look at the gallery, or want their drawings back."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect
from support.browser import PHONE
from support.pages import DRAWING, Serving, answer, code, serving
from support.pointer import Pointer
from support.samples import PAD, accept, example
from support.strokes import doubted, read_on_pad, round_twin

from ukr_letters.core.alphabet import CHARS, symbol
from ukr_letters.samples.index import PAGE
from ukr_letters.samples.intake import PER_MINUTE, Quota, outbox_folder
from ukr_letters.samples.sample import Sample
from ukr_letters.samples.store import open_store
from ukr_letters.serve.texts import text

RARE, COMMON = "Ґї", "о"
WAITING = 3  # drawings of each other symbol that nobody has judged; more than the practice of this file makes of one


def drawn(char: str, number: int) -> Sample:
    "A drawing of this symbol, a little different for each number."
    said, x, y = symbol(char), 100 + number % 200, 160 + number // 200
    return example(
        ink=[[[x, y, 0], [x, 296, 80], [x + 90, 296, 160]]],
        label=said.label,
        uppercase=char.isupper() if said.is_letter else None,
        guess={"mode": "auto", "top": [[said.label, 0.9]], "uppercase_probability": 0.5},
        canvas=PAD,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server whose store has drawings of every symbol but two, and more of one than a page holds."
    folder = tmp_path_factory.mktemp("stocked") / "samples"
    store = open_store(str(folder))

    def stock(number: int, char: str, judged: bool) -> None:
        sample = drawn(char, number)
        accept(store, sample) if judged else store.add(sample)

    common = [char for char in CHARS["auto"] if char not in RARE]
    wanted = [*((char, True) for char in [*common, *COMMON * PAGE]), *((char, False) for char in common * WAITING)]
    with ThreadPoolExecutor(8) as hands:  # each waits for the disk
        list(hands.map(lambda entry: stock(entry[0], *entry[1]), enumerate(wanted)))
    with serving(folder, pool=1) as running:
        yield running


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


def test_practice_keeps_what_was_asked_for_whatever_the_model_reads(windows, server):
    page = windows.visit()
    wanted = practise(page)
    expect(page.locator("h1")).to_have_text(request(wanted))
    expect(page.locator(".ukr-hint")).to_have_text(request(wanted))
    drawn = next(char for char in "ЖЩ" if char != wanted)
    Pointer(page).draw(drawn)
    assert answer(page) == drawn
    page.keyboard.press("3")  # the alternatives do not count: it is known what this is
    expect(page.locator(".ukr-detail")).to_contain_text(wanted)
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-tally")).to_have_text(text("tally", number=1))
    expect(page.locator(".ukr-ask")).to_contain_text(drawn)
    (sample,) = server.drawn_by(code(page), 1)
    assert symbol(sample.label).char(sample.uppercase) == wanted and sample.guess["top"][0][0] == drawn.lower()
    asked = [wanted, answer(page)]
    for _ in range(4):
        page.get_by_role("button", name=text("task_skip")).click()
        expect(page.locator(".ukr-char")).not_to_have_text(asked[-1])
        asked.append(answer(page))
    assert set(asked) <= set(CHARS["auto"]) and all(one != next for one, next in zip(asked, asked[1:]))
    page.get_by_role("button", name=text("practice_stop")).click()
    expect(page.locator("h1")).to_have_text(text("title"))
    assert len(server.drawn_by(code(page))) == 1


def test_practice_says_when_the_model_reads_right_and_asks_in_english(windows):
    page = windows.visit()
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


@pytest.mark.parametrize("drawing", [doubted, round_twin])
def test_practice_never_blames_what_nobody_can_tell_apart(windows, drawing):
    "Whichever of the two readings was asked for, it is right; another symbol is not."
    page = windows.visit()
    named = read_on_pad(drawing()).named
    for char, key in [*((char, "right") for char in named), ("Ж", "other")]:
        page.get_by_role("button", name=text("wanted")).click()
        page.locator(f"dialog tr[data-char='{char}'] button").click()
        expect(page.locator("h1")).to_have_text(request(char))
        for stroke in drawing():
            Pointer(page).stroke(stroke)
        values = {} if key == "right" else {"char": "Ж", "kind": text("capital_short")}
        expect(page.locator(".ukr-detail")).to_have_text(text(f"task_{key}", **values))
        page.keyboard.press("Enter")
        told = {"right": "told_right", "other": "told_either"}[key]
        expect(page.locator(".ukr-ask")).to_have_text(text(told, char=char, one=named[0], other=named[1]))
        page.get_by_role("button", name=text("practice_stop")).click()


def test_nothing_moves_in_practice_on_a_phone(windows):
    page = windows.visit(**PHONE)
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


def test_the_keyboard_is_enough_to_practise(windows, server):
    page = windows.visit()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=text("practice"))).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-state=task]")
    wanted = answer(page)
    expect(page.locator("[aria-live=polite]")).to_have_text(request(wanted))
    Pointer(page).draw("с")
    page.keyboard.press("Enter")
    (sample,) = server.drawn_by(code(page), 1)
    assert sample.label == wanted.lower()
    page.get_by_role("button", name=text("mine")).press("Enter")
    page.keyboard.press("Escape")  # closes the window
    expect(page.get_by_role("button", name=text("mine"))).to_be_focused()


# What there is: the gallery, and the table of what is missing


def test_the_rarest_is_asked_for_first_and_the_gallery_shows_what_is_accepted(windows):
    page = windows.visit()
    page.get_by_role("button", name=text("wanted")).click()
    expect(page.locator("dialog tbody tr").nth(2)).to_contain_text(f"1{WAITING}")  # counted
    rows = page.locator("dialog tbody tr").evaluate_all("all => all.map((row) => row.dataset.char)")
    assert len(rows) == 76 and set(rows[:2]) == set(RARE) and rows[-1] == COMMON
    page.get_by_role("button", name=text("close")).click()
    first = practise(page)
    page.get_by_role("button", name=text("task_skip")).click()
    expect(page.locator("h1")).not_to_have_text(request(first))
    assert {first, answer(page)} == set(RARE)
    page.get_by_role("button", name=text("practice_stop")).click()
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


def test_contrast_is_enough_for_weak_eyes(windows):
    page = windows.visit()
    ratios = contrasts(page)
    assert len(ratios) > 10
    practise(page)
    ratios |= contrasts(page)
    for window in ("gallery", "wanted", "mine"):
        page.get_by_role("button", name=text(window)).click()
        ratios |= contrasts(page)
        page.get_by_role("button", name=text("close")).click()
    assert len(ratios) > 60 and min(ratios.values()) >= 4.5, json.dumps(ratios, ensure_ascii=False)


# One's own drawings


def keep(page: Page, char: str) -> None:
    "Draw a symbol, confirm it and wait until it is kept."
    Pointer(page).draw(char)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    expect(page.locator(".ukr-status")).to_have_text(text("saved"))


def writers(server: Serving) -> list[str]:
    "Who has drawn what is kept."
    return [sample.writer for sample in server.samples()]


def test_drawings_are_deleted_by_the_code_of_their_browser_when_that_is_confirmed(windows, server):
    page, other = windows.visit(), windows.visit("second")
    keep(page, "5")
    keep(other, "5")
    own, theirs = code(page), code(other)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=text("mine")).click()
    said = page.locator("dialog").get_by_role("status")
    assert page.get_by_label(text("mine_code")).input_value().replace("-", "") == own
    page.get_by_role("button", name=text("copy")).click()
    expect(said).to_have_text(text("copied"))
    assert page.evaluate("navigator.clipboard.readText()").replace("-", "") == own
    page.get_by_role("button", name=text("delete")).click()
    page.get_by_role("button", name=text("delete_no")).click()
    assert own in writers(server)
    page.get_by_role("button", name=text("delete")).click()
    page.get_by_role("button", name=text("delete_yes")).click()
    expect(said).to_have_text(f"{text('deleted', number=1)} {text('renewed')}")
    assert own not in writers(server) and theirs in writers(server)
    field = page.get_by_label(text("delete_code"))
    for typed, told in (
        ("0123", text("no_code")),
        ("0" * 32, text("deleted", number=0)),
        (f" {theirs[:16].upper()} {theirs[16:]}", text("deleted", number=1)),
    ):
        field.fill(typed)
        page.get_by_role("button", name=text("delete")).click()
        if told != text("no_code"):
            page.get_by_role("button", name=text("delete_yes")).click()
        expect(said).to_have_text(told)
    assert theirs not in writers(server)
    page.get_by_role("button", name=text("close")).click()
    keep(page, "8")
    assert code(page) != own and code(page) in writers(server)
    Pointer(other).draw("8")  # under the old code nothing is kept any more, so that browser gets a new one
    other.keyboard.press("Enter")
    expect(other.locator(".ukr-status")).to_have_text(text("withdrawn"))
    keep(other, "8")
    assert code(other) != theirs and code(other) in writers(server)


def test_who_draws_too_much_is_told_kindly(windows, server):
    page = windows.visit()
    quota = Quota(outbox_folder(str(server.folder)) / "times")
    assert all(quota.grant(code(page)) for _ in range(PER_MINUTE))
    Pointer(page).draw("5")
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-status")).to_have_text(text("limited"))
    practise(page)
    Pointer(page).draw("5")
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-tally")).to_have_text(text("limited"))
    assert not server.drawn_by(code(page))
