"""What the review page promises to judges and to those who draw, checked in a real browser on a real server."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from shutil import rmtree

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import PHONE
from support.pages import JUDGING, Serving, Windows, serving
from support.samples import timed, traced
from support.strokes import doubted, read_on_pad
from support.waiting import eventually
from support.websocket import Visitor, knock
from websocket import WebSocketBadStatusException

from ukr_letters.samples.store import Store, open_store, standing
from ukr_letters.serve.texts import text

TOKENS = {"UKR_LETTERS_REVIEW_TOKEN": "a-secret-for-judges", "JUPYTER_TOKEN": "an-invitation-to-draw"}


@pytest.fixture(scope="module")
def reviewing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server for all tests that do not harm it; its token is told in the environment. Kernels start when asked for."
    with serving(tmp_path_factory.mktemp("reviewing") / "samples", "review", settings=TOKENS, pool=0) as running:
        running.printed, running.url = running.url, running.url.split("?")[0]
        yield running


@pytest.fixture(scope="module")
def windows(browser: Browser, reviewing: Serving) -> Iterator[Windows]:
    "Windows on the review page that the tests of this file share."
    windows = Windows(browser, f"{reviewing.url}?token={TOKENS['UKR_LETTERS_REVIEW_TOKEN']}", JUDGING)
    yield windows
    windows.close()


@pytest.fixture
def store(reviewing: Serving, windows: Windows) -> Store:
    "The empty store of the server; no kernel is left that knows what was in it before."
    windows.leave()
    assert eventually(lambda: (said := json.loads(knock(reviewing, "/health")[2]))["free"] == said["seats"], 60)
    for folder in (reviewing.folder, reviewing.desk):
        rmtree(folder, ignore_errors=True)
    return open_store(str(reviewing.folder))


def sit_down(page: Page, judge: str) -> Page:
    "Say who judges; the page, when it shows a drawing."
    page.locator(".ukr-name").fill(judge)
    page.keyboard.press("Enter")
    page.wait_for_selector(".ukr-review:not([data-id=''])")
    return page


@pytest.fixture
def judging(windows: Windows) -> Callable[..., Page]:
    "Open the review page as a judge."
    return lambda judge, **context: sit_down(windows.visit(judge, **context), judge)


def shown(page: Page) -> str:
    "The id of the drawing on the page."
    return page.locator(JUDGING).get_attribute("data-id")


def write(page: Page, char: str) -> None:
    "Press the key of a letter on a Ukrainian keyboard."
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "key": char, "text": char})
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": char})


def all_sent(page: Page) -> None:
    "Wait until every verdict of the page is in the store."
    expect(page.locator(f"{JUDGING}[data-unheard='0'][data-unsent='0']")).to_have_count(1)


def said_of(store: Store, id: str) -> list[tuple]:
    "The verdicts on a drawing, in order."
    return [(one.judge, one.decision, one.label, one.uppercase, one.reason) for one in store.verdicts(id)]


def state_of(store: Store, id: str) -> tuple:
    "What the verdicts on a drawing amount to."
    found = standing(store.get(id), store.verdicts(id))
    return found.state, found.label, found.uppercase


def test_each_key_ends_in_a_verdict(store, judging):
    for number in range(6):
        store.add(traced("Ж", "Ж", number))
    page = judging("olena")
    page.wait_for_selector(f"{JUDGING}[data-held='6']")  # the next ones lie ready, nobody waits for them
    seen = []

    def act(*keys: str) -> None:
        seen.append(shown(page))
        for key in keys:
            write(page, key) if key.isalpha() and len(key) == 1 else page.keyboard.press(key)

    act("Enter")
    act("ж")
    act("Delete", "4")
    act("Space")
    act("ArrowLeft", "Enter")
    assert len(set(seen)) == 5 and shown(page) not in seen
    page.wait_for_selector(f"{JUDGING}[data-unheard='0']")
    page.keyboard.press("Backspace")
    page.wait_for_selector(f"{JUDGING}[data-id='{seen[4]}']")
    all_sent(page)
    assert said_of(store, seen[0]) == [("olena", "accept", "ж", True, None)]
    assert said_of(store, seen[1]) == [("olena", "accept", "ж", False, None)]
    assert said_of(store, seen[2]) == [("olena", "reject", None, None, "unreadable")]
    assert said_of(store, seen[3]) == [("olena", "skip", None, None, None)]
    assert [verdict[1] for verdict in said_of(store, seen[4])] == ["accept", "undo"]
    assert [state_of(store, id)[0] for id in seen] == ["accepted", "second", "rejected", "waiting", "waiting"]


def test_a_judge_sees_both_readings_that_the_model_names(store, judging):
    "As sure as the writer was told, with the other reading first among what else may be accepted."
    store.add(replace(traced("с", "с"), ink=timed(doubted())))
    answer = read_on_pad(doubted())
    (one, other), percent = answer.named, min(99, round(100 * answer.probability))
    page = judging("olena")
    note = f"{text('either', one=one, other=other)}, {text('sure', percent=percent)}"
    expect(page.locator(".ukr-card small").last).to_have_text(note)
    expect(page.locator(".ukr-others button").first).to_have_attribute("aria-label", re.compile("[сС],"))


def test_a_lone_opinion_waits_for_another_judge_as_the_judge_waits_for_drawings(store, judging):
    id = store.add(traced("Щ", "Ж"))
    store.add(traced("Б", "Б"))
    olena = judging("olena")
    assert shown(olena) == id  # writer and model disagree, so it comes first
    expect(olena.locator(".ukr-card b")).to_have_text(["Ж", "Щ"])
    write(olena, "Ш")  # neither of them said so
    all_sent(olena)
    assert state_of(store, id)[0] == "second"
    olena.keyboard.press("Enter")
    expect(olena.locator(".ukr-done")).to_be_visible()  # not asked about her own opinion
    taras = judging("taras")
    assert shown(taras) == id
    expect(taras.locator("[data-badge=second]")).to_have_text(text("review_second"))
    write(taras, "Ш")
    all_sent(taras)
    assert state_of(store, id) == ("accepted", "ш", True)
    assert [verdict[0] for verdict in said_of(store, id)] == ["olena", "taras"]
    expect(taras.locator(".ukr-done")).to_be_visible()
    late = store.add(traced("я", "я"))  # new drawings come by themselves
    taras.wait_for_selector(f"{JUDGING}[data-id='{late}']")


def test_alike_ones_are_accepted_together_but_for_one(store, judging):
    ids = {store.add(traced("А", "А", number)) for number in range(5)}
    wrong = store.add(traced("с", "А"))
    page = judging("olena")
    page.get_by_label(text("review_many")).check(force=True)
    page.wait_for_selector(f"{JUDGING}[data-grid='5']")
    cells = page.locator(".ukr-cell")
    out = cells.nth(1).get_attribute("data-id")
    cells.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    said = text("review_bulk_accept", char="А", kind=text("capital"), count=4)
    expect(page.locator(".ukr-many > .ukr-yes")).to_have_text(said)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{JUDGING}[data-grid='1']")
    all_sent(page)
    assert {id for id in ids if state_of(store, id) == ("accepted", "а", True)} == ids - {out}
    assert said_of(store, wrong) == [] and said_of(store, out) == []
    page.keyboard.press("Backspace")  # one step back takes the whole page back
    page.wait_for_selector(f"{JUDGING}[data-grid='5']")
    all_sent(page)
    assert {state_of(store, id)[0] for id in ids} == {"waiting"}


def test_copies_are_set_aside_and_rejected_together(store, judging):
    store.add(traced("Ю", "Ю"))
    copies = [replace(traced("Ю", "Ю", writer="1"), created=f"2026-11-23T10:00:0{i}.000+00:00") for i in range(3)]
    for one in copies:
        store.add(one)
    page = judging("olena")
    expect(page.locator(JUDGING)).to_have_attribute("data-held", "1")
    page.get_by_label(text("review_many")).check(force=True)
    page.get_by_role("button", name=text("reason_duplicate")).click()
    page.wait_for_selector(f"{JUDGING}[data-grid='3']")
    page.get_by_role("button", name=text("review_bulk_reject", why=text("reason_duplicate"), count=3)).click()
    all_sent(page)
    rejected = [one for one in store.verdicts() if (one.decision, one.reason) == ("reject", "duplicate")]
    assert len(rejected) == 3


def test_filters_find_what_they_say(store, judging):
    one, other = store.add(traced("8", "8")), store.add(traced("м", "м", writer="1"))
    page = judging("olena")
    page.get_by_role("button", name=text("review_filters")).click()
    for name, value, id in (("symbol", "м", other), ("case", "digit", one), ("writer", "1" * 8, other)):
        place = page.locator(f"[name={name}]")
        place.select_option(value) if name != "writer" else (place.fill(value), place.press("Tab"))
        page.wait_for_selector(f"{JUDGING}[data-id='{id}'][data-held='1']")
        page.get_by_role("button", name=text("review_reset")).click()
        page.wait_for_selector(f"{JUDGING}[data-held='2']")
    page.locator("[name=since]").fill("2026-11-24")
    page.locator("[name=since]").press("Tab")
    expect(page.locator(".ukr-done")).to_be_visible()


def test_a_judge_sees_and_takes_back_what_was_said(store, judging):
    id = store.add(traced("5", "5"))
    page = judging("olena")
    page.keyboard.press("Enter")
    all_sent(page)
    page.reload()  # the history is in the store, not in the page
    page.wait_for_selector(JUDGING)
    page.get_by_label(text("review_mine")).check(force=True)
    row = page.locator(f".ukr-history li[data-id='{id}']")
    expect(row).to_contain_text(f"{text('decision_accept')} 5, {text('digit')}")
    page.get_by_role("button", name="English").click()
    expect(row).to_contain_text(text("decision_accept", "en"))
    row.get_by_role("button", name=text("review_undo", "en")).click()
    expect(page.locator(".ukr-history")).to_contain_text(text("review_nothing_yet", "en"))
    all_sent(page)
    assert [verdict[1] for verdict in said_of(store, id)] == ["accept", "undo"]


def test_a_finger_can_judge_on_a_phone(store, judging):
    id = store.add(traced("ї", None))
    page = judging("olena", **PHONE)
    sizes = page.locator(".ukr-page button:visible").evaluate_all("all => all.map((b) => b.offsetHeight)")
    assert len(sizes) > 8 and min(sizes) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name=text("review_relabel")).tap()
    page.get_by_role("button", name=text("choose", char="ї", kind=text("small"))).last.tap()
    all_sent(page)
    assert state_of(store, id) == ("accepted", "ї", False)


def test_a_store_that_goes_away_loses_no_verdict(windows, tmp_path):
    place, away = tmp_path / "samples", tmp_path / "away"
    store = open_store(str(place))
    ids = [store.add(traced("2", "2", number)) for number in range(4)]
    with serving(place, "review", pool=0) as server:
        page = windows.visit("olena", server.url)
        sit_down(page, "olena").wait_for_selector(f"{JUDGING}[data-held='4']")
        place.rename(away)
        place.touch()
        for _ in range(2):
            page.keyboard.press("Enter")
        expect(page.locator(".ukr-status")).to_contain_text("2. ")
        expect(page.locator(".ukr-status")).to_contain_text("choose another folder")
        server.process.send_signal(signal.SIGTERM)  # nor does the end of the server lose any
        server.process.wait(timeout=60)
    place.unlink()
    away.rename(place)
    with serving(place, "review", pool=1):
        assert eventually(lambda: len(list(store.verdicts())) == 2, 60)
    assert sorted(state_of(store, id)[0] for id in ids) == ["accepted", "accepted", "waiting", "waiting"]


# Nobody judges without an invitation


@pytest.mark.parametrize("path", ["/", "/voila/render/review.ipynb", "/voila/files/review.ipynb", "/api/kernels"])
def test_without_a_token_nothing_is_told(reviewing, path):
    status, headers, body = knock(reviewing, path)
    assert status in (302, 403) and b"ReviewApp" not in body
    assert status == 403 or headers["Location"].startswith("/login")


def test_only_the_right_token_opens_the_page_and_the_wire_to_its_kernel(reviewing):
    right, wrong = TOKENS.values()
    assert right not in reviewing.printed and knock(reviewing, f"/?token={wrong}")[0] == 302
    judge = Visitor(f"{reviewing.url}?token={right}")  # let in, and connected
    for query in ("", "token=guess"):
        stranger = copy(judge)
        stranger.url = f"{reviewing.url}?{query}"
        with pytest.raises(WebSocketBadStatusException, match="403"):
            stranger.connect(suppress_origin=True, origin=None)
    judge.connect(suppress_origin=True, origin=None).close()
    judge.close()
