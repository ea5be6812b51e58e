"""Every door by which a bundle comes in tries its network first, and says why it stays outside."""

from pathlib import Path

import pytest
from support.networks import leaning

from ukr_letters.cli import recognize_files
from ukr_letters.core.bundle import BundleError, open_bundle
from ukr_letters.core.deploy import TRIED
from ukr_letters.learn.dataset import assemble
from ukr_letters.release.gate import correctness_of
from ukr_letters.release.registry import described
from ukr_letters.serve.security import check_model

DOORS = {
    "ukr_recognize": lambda folder: recognize_files([], model=folder),
    "ukr_serve": lambda folder: check_model("ukr_serve"),
    "gate": lambda folder: correctness_of(folder, assemble("embedded", limit=1)),
    "register": lambda folder: described(folder, None, folder.parent / "copy"),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_network_without_finite_answers_stays_outside(tmp_path: Path, monkeypatch, door: str) -> None:
    monkeypatch.setenv(TRIED, "")
    monkeypatch.setenv("UKR_LETTERS_MODEL", str(tmp_path / "bad"))
    leaning(tmp_path / "bad", push=float("nan"))
    assert open_bundle(tmp_path / "bad")
    with pytest.raises((BundleError, SystemExit), match="finite numbers.*train it again or fetch another"):
        DOORS[door](tmp_path / "bad")
