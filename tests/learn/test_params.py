"""params.yaml is checked whole, before any work, and by the rules that DVC reads it by."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import papermill
import pytest
from support.checkout import ROOT, run

from ukr_letters.learn.params import Params, ParamsError, params, read_params

SPOILT = """\
preprocess: {sources: embedded, limit: 0, hands: 21}
train_teacher: {architecture: letternet_w8_s2}
train:
  architecture: letternet_w8_s2
  epochs: 2
  samples_per_epoch: 600
  batch: 1
  learning_rate: fast
  seed: 0
  teacher: letternet_w8_s2
  source_weights: {fnots: 1.0}
  size_weights: {fonts: 0}
  ood_label_weight: 0.5
  overrides: {heat: 2.0, weight_decay: 0.5}
evaluate: {worst: 5, guard: mnist}
tune: {searched: [batch, weight_decay], trials: 1, epochs: 1, samples_per_epoch: 9, judged: 1, workers: 1, seed: 0}
"""
GONE = "there is no teacher any more: remove it, and give pretrain and train the same architecture"
KEEP = "do not search it, or change one of the two"
LINES = (
    "line 1: preprocess.hands is 21: it must be at most 20",
    "line 1: preprocess.limit is 0: it must be at least 1",
    f"line 2: train_teacher is not known: {GONE}",
    "line 7: train.batch is 1: it must be at least 2",
    "line 8: train.learning_rate is 'fast': it must be a valid number",
    f"line 10: train.teacher is not known: {GONE}",
    "line 11: train.source_weights.fnots: there is no source 'fnots': did you mean fonts?",
    "line 12: train.size_weights.fonts is 0: digits have a size there alone, raise it",
    f"line 14: train.overrides.heat is not known: {GONE}",
    "line 15: evaluate.guard is not known: choose from worst",
    f"line 16: tune.searched: batch is 1 now, and a search varies it from 64 to 512 in steps of 64: {KEEP}",
    f"line 16: tune.searched: weight_decay is 0.5 now, and a search varies it from 0.002 to 0.2: {KEEP}",
)


@pytest.mark.parametrize("stage", sorted(set(Params.model_fields) - {"pipeline"}))
def test_the_schema_and_the_notebook_of_a_stage_have_the_same_parameters(stage: str) -> None:
    (notebook,) = (ROOT / "nbs/pipeline").glob(f"*_{stage}.ipynb")
    section = read_params(ROOT / "params.yaml")[stage]
    assert set(papermill.inspect_notebook(str(notebook))) == set(section)
    assert set(section) == set(Params.model_fields[stage].annotation.__args__[0].model_fields)


def test_every_mistake_is_told_at_once_and_nothing_is_run(tmp_path: Path) -> None:
    "Also mistakes in the sections of later stages, with their lines and without a traceback."
    shutil.copytree(ROOT / "nbs/pipeline", tmp_path / "nbs/pipeline")
    shutil.copy2(ROOT / "settings.ini", tmp_path)
    (tmp_path / "params.yaml").write_text(SPOILT)
    done = run(ROOT, "env", "-C", str(tmp_path), "ukr_stage", "preprocess")
    assert done.returncode == 1 and done.stderr.splitlines() == [
        "ukr_stage: params.yaml has to be corrected:",
        *(f"  {line}" for line in LINES),
    ]
    assert not (tmp_path / "runs").exists()


def test_a_number_without_end_is_a_mistake_as_others_are(tmp_path: Path) -> None:
    "Its range was asked for first, and a number of 400 digits is no float."
    (tmp_path / "params.yaml").write_text(f"train: {{batch: 1{'0' * 400}}}\ntune: {{searched: [batch]}}\n")
    with pytest.raises(ParamsError, match=r"train.batch is 1000.*: it must be at most 65536"):
        read_params(tmp_path / "params.yaml")


FORMER = ("teach", "train_teacher", "teacher", "distillation_weight", "distillation_temperature", "heat", "teaching")


@pytest.mark.parametrize("name", FORMER)
def test_what_the_teacher_needed_is_refused_wherever_it_stood(tmp_path: Path, name: str) -> None:
    "As a section, as a parameter, as a number of the recipe and as one that is searched: the answer says what to do."
    text = f"{name}: {{}}\ntrain:\n  {name}: 1\n  overrides: {{{name}: 1}}\ntune: {{searched: [{name}]}}\n"
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError) as refused:
        read_params(tmp_path / "params.yaml")
    lines = [line.partition(":")[0].strip() for line in str(refused.value).splitlines() if line.endswith(GONE)]
    assert lines == ["line 1", "line 3", "line 4", "line 5"]


@pytest.mark.parametrize("text", ["4e-05", "1e-2", "4E-3", "0.5", "1"])
def test_numbers_are_read_as_dvc_writes_them(tmp_path: Path, text: str) -> None:
    "YAML 1.1 takes 4e-05 for text, and DVC writes it for `-S pretrain.learning_rate=0.00004`."
    (tmp_path / "params.yaml").write_text(
        "pretrain: {architecture: letternet_w8_s2, epochs: 1, samples_per_epoch: 9, batch: 3, seed: 0, "
        f"learning_rate: {text}}}"
    )
    assert params("pretrain", tmp_path / "params.yaml")["learning_rate"] == float(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "- a", "5", "train: [", "train: 5", "tune: {searched: 5}", "1: {2: 3}", "a: *b", "\0", "train:", "false"),
        *("evaluate: {worst: 2024-99-99}", f"evaluate: {{worst: {'9' * 5000}}}", "evaluate: {worst: !!int abc}"),
        *("train: !!omap 5", "train: &a\n  <<: *a", "&a\ntrain: *a", "{a: " * 2000, "[" * 3000, "limit: [" * 300),
        "\n".join([f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else '1'] * 9)}]" for n in range(9)]),  # 9^9 values
        f"preprocess: {{sources: [{', '.join(['mnist'] * 3000)}], limit: 1}}",
        f"{'k' * 100_001}: 1",
    ],
    ids=range(23),
)
def test_whatever_the_file_holds_the_answer_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=r"^params\.yaml[ ,].*") as refused:
        params("train", tmp_path / "params.yaml")
    assert len(str(refused.value)) < 5000


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParamsError, match="binary.yaml cannot be read"):
        read_params(tmp_path / "binary.yaml")
    with pytest.raises(ParamsError, match="is no checkout of ukr-letters: it has no params.yaml"):
        read_params(tmp_path / "params.yaml")


def test_the_check_imports_no_torch() -> None:
    "Otherwise a slip in the file would take seconds to be told."
    ask = "import sys, json, ukr_letters.learn.params; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert not {"torch", "optuna", "mlflow", "papermill", "pandas"} & set(json.loads(done.stdout))
