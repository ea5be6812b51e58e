"""What the review page promises to judges and to those who draw, checked in a real browser on a real server."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from support.browser import LAPTOP, PHONE
from support.pages import JUDGING, Serving, serving
from support.samples import traced
from support.waiting import eventually
from support.websocket import knock
from tornado.httpclient import HTTPClientError
from tornado.websocket import websocket_connect

from ukr_letters.serve import PROTOCOL
from ukr_letters.store import Store, standing
from ukr_letters.texts import text


@pytest.fixture
def judging(tmp_path: Path, store: Store, new_context) -> Iterator[Callable[..., Page]]:
    "Open the review page of one server as a judge; the server starts with the first one."
    running = []

    def open_page(judge: str, **context: object) -> Page:
        if not running:
            running.append(serving(tmp_path / "samples", "review", pool=1))
            open_page.server = running[0].__enter__()
        page = new_context(**(context or LAPTOP)).new_page()
        page.goto(open_page.server.url, wait_until="commit")
        page.wait_for_selector(JUDGING, timeout=30_000)
        page.locator(".ukr-name").fill(judge)
        page.keyboard.press("Enter")
        page.wait_for_selector(".ukr-review:not([data-id=''])", timeout=20_000)
        return page

    yield open_page
    for server in running:
        server.__exit__(None, None, None)


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
    expect(page.locator(f"{JUDGING}[data-unheard='0'][data-unsent='0']")).to_have_count(1, timeout=15_000)


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


def test_a_lone_opinion_waits_for_another_judge(store, judging):
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
    for copy in copies:
        store.add(copy)
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
    page.wait_for_selector(JUDGING, timeout=20_000)
    page.get_by_label(text("review_mine")).check(force=True)
    row = page.locator(f".ukr-history li[data-id='{id}']")
    expect(row).to_contain_text(f"{text('decision_accept')} 5, {text('digit')}")
    page.get_by_role("button", name="English").click()
    expect(row).to_contain_text(text("decision_accept", "en"))
    row.get_by_role("button", name=text("review_undo", "en")).click()
    expect(page.locator(".ukr-history")).to_contain_text(text("review_nothing_yet", "en"))
    all_sent(page)
    assert [verdict[1] for verdict in said_of(store, id)] == ["accept", "undo"]


def test_new_drawings_come_by_themselves(store, judging):
    store.add(traced("с", "с"))
    page = judging("olena")
    page.keyboard.press("Enter")
    expect(page.locator(".ukr-done")).to_be_visible()
    late = store.add(traced("я", "я"))
    page.wait_for_selector(f"{JUDGING}[data-id='{late}']", timeout=20_000)


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


def test_a_store_that_goes_away_loses_no_verdict(store, judging, tmp_path):
    ids = [store.add(traced("2", "2", number)) for number in range(4)]
    page = judging("olena")
    page.wait_for_selector(f"{JUDGING}[data-held='4']")
    (tmp_path / "samples").rename(tmp_path / "away")
    (tmp_path / "samples").touch()
    for _ in range(2):
        page.keyboard.press("Enter")
    expect(page.locator(".ukr-status")).to_contain_text("2. ", timeout=15_000)
    expect(page.locator(".ukr-status")).to_contain_text("choose another folder")
    judging.server.process.send_signal(signal.SIGTERM)  # nor does the end of the server lose any
    judging.server.process.wait(timeout=20)
    (tmp_path / "samples").unlink()
    (tmp_path / "away").rename(tmp_path / "samples")
    with serving(tmp_path / "samples", "review", pool=1):
        assert eventually(lambda: len(list(store.verdicts())) == 2, 15)
    assert sorted(state_of(store, id)[0] for id in ids) == ["accepted", "accepted", "waiting", "waiting"]


# Nobody judges without an invitation


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Serving]:
    "A server without seats whose token is told in the environment."
    os.environ["UKR_LETTERS_REVIEW_TOKEN"] = "a-secret-for-judges"
    os.environ["JUPYTER_TOKEN"] = "an-invitation-to-draw"
    try:
        with serving(tmp_path_factory.mktemp("samples"), "review", seats=0, pool=1) as running:
            yield running
    finally:
        del os.environ["UKR_LETTERS_REVIEW_TOKEN"], os.environ["JUPYTER_TOKEN"]


def test_only_the_right_token_opens_the_page(guarded):
    assert "a-secret-for-judges" not in guarded.url
    answers = {
        token: knock(guarded, f"/?token={token}")[0] for token in ("a-secret-for-judges", "an-invitation-to-draw")
    }
    assert answers == {"a-secret-for-judges": 503, "an-invitation-to-draw": 302}  # no seat, but let in


@pytest.mark.parametrize("path", ["/", "/voila/render/review.ipynb", "/voila/files/review.ipynb", "/api/kernels"])
def test_without_a_token_nothing_is_told(guarded, path):
    status, headers, body = knock(guarded, path)
    assert status in (302, 403) and b"ReviewApp" not in body
    assert status == 403 or headers["Location"].startswith("/login")


def test_a_kernel_listens_only_to_those_with_the_token(store, judging):
    store.add(traced("8", "8"))
    page = judging("olena")
    kernel = json.loads(page.locator("#jupyter-config-data").text_content())["kernelId"]
    address = urlsplit(judging.server.url)

    async def connect(query: str) -> int:
        "The status with which the kernel's wire is opened or refused."
        try:
            wire = await websocket_connect(
                f"ws://{address.netloc}/api/kernels/{kernel}/channels{query}", subprotocols=[PROTOCOL]
            )
        except HTTPClientError as error:
            return error.code
        wire.close()
        return 101

    with ThreadPoolExecutor(1) as thread:  # the browser's own loop runs in this one
        found = [
            thread.submit(asyncio.run, connect(query)).result() for query in ("", "?token=guess", f"?{address.query}")
        ]
    assert found == [403, 403, 101]
