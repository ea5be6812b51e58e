"""A new language is one file: the pages offer it, and the server's own pages speak it."""

import json
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect
from support.checkout import ROOT
from support.pages import DRAWING, Serving, serving

from ukr_letters.serve.texts import text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server whose package has a third language: English, each text of it in angle brackets."
    tree = tmp_path_factory.mktemp("tree")
    for name in ("ukr_letters", "dashboards"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "settings.ini", tree)
    words = json.loads((tree / "ukr_letters/texts/en.json").read_text())
    third = {key: f"‹{value}›" for key, value in words.items()} | {"language": "Third", "language_short": "3rd"}
    (tree / "ukr_letters/texts/zz.json").write_text(json.dumps(third))
    within = ("env", "-C", str(tree))  # Python looks in the current folder first
    with serving(tree / "samples", within=within, settings={"PYTHONPATH": str(tree)}) as running:
        yield running


def test_the_page_offers_each_language_in_turn_and_remembers_it(server: Serving, page: Page) -> None:
    page.goto(server.url)
    page.wait_for_selector(DRAWING)
    offered = page.locator(".ukr-language")
    for name, hint in (("English", text("hint", "en")), ("Third", f"‹{text('hint', 'en')}›"), ("Українська", None)):
        expect(offered).to_contain_text(name)
        offered.click()
        expect(page.locator(".ukr-hint").first).to_contain_text(hint or text("hint"))
    for _ in range(2):
        offered.click()
    page.reload()
    page.wait_for_selector(DRAWING)
    assert page.title() == f"‹{text('title', 'en')}›" and page.evaluate("document.documentElement.lang") == "zz"
    page.evaluate("localStorage.setItem('ukr-letters.language', 'toString')")  # a language that is gone
    page.reload()
    page.wait_for_selector(DRAWING)
    assert page.title() == text("title")


@pytest.mark.parametrize(("locale", "language"), [("en-GB", "en"), ("uk-UA", "uk"), ("de-DE", "uk")])
def test_the_page_begins_in_the_language_that_the_browser_wishes_for(
    server: Serving, new_context: Callable, locale: str, language: str
) -> None:
    "Ukrainian where it wishes for none of ours; a language that was chosen here comes before that."
    page = new_context(locale=locale).new_page()
    page.goto(server.url, wait_until="commit")
    expect(page.get_by_role("status").first).to_have_text(text("loading", language))  # before any widget is there
    page.wait_for_selector(DRAWING)
    assert page.title() == text("title", language) and page.evaluate("document.documentElement.lang") == language
    page.locator(".ukr-language").click()
    chosen = page.evaluate("document.documentElement.lang")
    page.reload()
    page.wait_for_selector(DRAWING)
    assert chosen != language and page.evaluate("document.documentElement.lang") == chosen


def test_the_pages_of_the_server_speak_each_language(server: Serving, page: Page) -> None:
    page.goto(urljoin(server.url, "/nowhere"))
    words = page.locator("main").inner_text()
    assert text("nowhere") in words and text("nowhere", "en") in words and f"‹{text('nowhere', 'en')}›" in words
    assert [part.get_attribute("lang") for part in page.locator("p").all()] == ["en", "zz"]
