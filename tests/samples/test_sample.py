"""A sample, a verdict and a withdrawal say what they must, and nonsense stays out."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.samples import CANVAS, GOOD, GUESS

from ukr_letters.core.alphabet import CLASSES, DIGITS, LETTERS, MODES
from ukr_letters.samples.sample import (
    ALTERNATIVES,
    DEVICES,
    MARGIN,
    MAX_BYTES,
    MAX_POINTS,
    MAX_SIDE,
    MAX_STROKES,
    MAX_TIME,
    Sample,
    SampleError,
    Verdict,
    Withdrawal,
    check,
    check_verdict,
    check_withdrawal,
    contradicts,
    now,
)
from ukr_letters.samples.store import open_store


def test_content_decides_the_id():
    "Every field counts; the order of keys, tuples for lists and a hundredth of a pixel do not."
    other = {**vars(GOOD), "canvas": dict(reversed(CANVAS.items())), "guess": {**GUESS, "top": tuple(GUESS["top"])}}
    other["ink"] = [[(x + 0.004, y, t) for x, y, t in stroke] for stroke in GOOD.ink]
    assert Sample(**other).id == GOOD.id
    assert replace(GOOD, ink=[[[-0.01, 0]]]).id == replace(GOOD, ink=[[[0, 0]]]).id  # no minus zero
    changes = dict(
        ink=[[[1, 2]]],
        label="і",
        uppercase=True,
        guess={**GUESS, "mode": "letters"},
        model="other",
        renderer="2",
        writer="another-one",
        device="pen",
        canvas={**CANVAS, "cap": 61},
        created=now(),
        notice="2",
    )
    assert set(changes) == set(vars(GOOD))
    assert len({GOOD.id, *(replace(GOOD, **{name: value}).id for name, value in changes.items())}) == len(changes) + 1


# Limits


def guess(**changes) -> dict:
    "A good guess with some of its entries changed."
    return {**GUESS, **changes}


def canvas(**changes) -> dict:
    "A good canvas with some of its entries changed."
    return {**CANVAS, **changes}


EDGE = CANVAS["width"] + MARGIN * CANVAS["width"]  # the last x that is not too far off the pad
SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()
LONG = [[[-4000.5, 12000.5, MAX_TIME]] * MAX_POINTS]  # few enough points, but long numbers

REFUSED = {
    "no ink": (dict(ink=[]), "ink: is empty"),
    "stroke without points": (dict(ink=[[]]), "ink: stroke 1 has no points"),
    "strokes": (
        dict(ink=[[[1, 1, 0]]] * (MAX_STROKES + 1)),
        f"ink: {MAX_STROKES + 1} strokes are more than {MAX_STROKES}",
    ),
    "points": (dict(ink=[[[1, 1, 0]] * (MAX_POINTS + 1)]), f"ink: {MAX_POINTS + 1} points are more than {MAX_POINTS}"),
    "size": (
        dict(ink=LONG, canvas=canvas(width=MAX_SIDE, height=MAX_SIDE)),
        f"size: .* bytes are more than the {MAX_BYTES} allowed",
    ),
    "not a number": (dict(ink=[[[1, float("nan")]]]), "ink: .*not finite"),
    "infinite": (dict(ink=[[[float("inf"), 1]]]), "ink: .*not finite"),
    "too large for a float": (dict(ink=[[[10**400, 1]]]), "ink: "),
    "one coordinate": (dict(ink=[[[1]]]), "ink: "),
    "ink as text": (dict(ink="ink"), "ink: "),
    "no list": (dict(ink=None), "ink: "),
    "far right": (dict(ink=[[[EDGE + 1, 10]]]), f"ink: .*too far off .* over {MARGIN * CANVAS['width']:g} pixels"),
    "far above": (dict(ink=[[[10, -EDGE]]]), f"ink: .*too far off .* over {MARGIN * CANVAS['width']:g} pixels"),
    "backwards": (dict(ink=[[[1, 1, 9], [1, 1, 8]]]), "ink: times run backwards"),
    "backwards between strokes": (dict(ink=[[[1, 1, 9]], [[1, 1, 8]]]), "ink: times run backwards"),
    "too long": (dict(ink=[[[1, 1, 0], [1, 1, MAX_TIME + 1]]]), f"ink: times must lie between 0 and {MAX_TIME} ms"),
    "negative time": (dict(ink=[[[1, 1, -1]]]), f"ink: times must lie between 0 and {MAX_TIME} ms"),
    "some times": (dict(ink=[[[1, 1, 0], [1, 1]]]), "ink: either every point has a time or none"),
    "Latin label": (dict(label="c"), "label: 'c' is not one of"),
    "capital label": (dict(label="Ї"), "label: 'Ї' is not one of"),
    "label list": (dict(label=["ї"]), "label: "),
    "case of a digit": (dict(label="7", uppercase=True), "uppercase: only letters have a case"),
    "case of nothing": (dict(label=None, uppercase=False), "uppercase: only letters have a case"),
    "case number": (dict(uppercase=1), "uppercase: 1 is not true, false or null"),
    "device": (dict(device="brush"), "device: 'brush' is not one of"),
    "guess missing": (dict(guess={}), "guess: must have exactly"),
    "guess extra": (dict(guess=guess(name="Taras")), "guess: must have exactly"),
    "guess list": (dict(guess=[]), "guess: must have exactly"),
    "guess mode": (dict(guess=guess(mode="all")), "guess: mode must be one of"),
    "guess top": (dict(guess=guess(top="ї")), "guess: top must be a list"),
    "guess pairs": (dict(guess=guess(top=["ї"])), "guess: each reading in top must be"),
    "guess class": (dict(guess=guess(top=[["x", 0.5]])), "guess: each reading needs one of the classes"),
    "guess probability": (dict(guess=guess(top=[["ї", 1.5]])), "guess: each reading needs one of the classes"),
    "guess probability text": (dict(guess=guess(top=[["ї", "1"]])), "guess: each reading needs one of the classes"),
    "guess twice": (dict(guess=guess(top=[["ї", 0.5], ["ї", 0.4]])), "guess: top names a class twice"),
    "guess order": (dict(guess=guess(top=[["ї", 0.4], ["і", 0.5]])), "guess: top must begin with the likeliest"),
    "guess many": (
        dict(guess=guess(top=[[c, 0.1] for c in LETTERS[: ALTERNATIVES + 1]])),
        f"guess: top must be a list of at most {ALTERNATIVES} ",
    ),
    "guess case": (dict(guess=guess(uppercase_probability=2)), "guess: uppercase_probability"),
    "guess not JSON": (dict(guess=guess(top=[["ї", object()]])), "guess: cannot be written as JSON"),
    "guess NaN": (dict(guess=guess(uppercase_probability=float("nan"))), "guess: cannot be written as JSON"),
    "canvas missing": (dict(canvas={"width": 320}), "canvas: must have exactly"),
    "canvas size": (dict(canvas=canvas(width=0)), f"canvas: width must be 1 to {MAX_SIDE} "),
    "canvas huge": (dict(canvas=canvas(height=10**400)), "canvas: height must be"),
    "canvas guide": (dict(canvas=canvas(descender=301)), f"canvas: descender must lie within 0 to {CANVAS['height']}"),
    "canvas order": (dict(canvas=canvas(cap=230)), "canvas: guide lines must stand in the order"),
    "canvas truth": (dict(canvas=canvas(width=True)), "canvas: width must be"),
    "created": (dict(created="yesterday"), "created: 'yesterday' is not an ISO time"),
    "created number": (dict(created=0), "created: 0 is not an ISO time"),
    "created zone": (dict(created="2026-11-23T11:45:12+02:00"), "created: .* must be in UTC"),
    "created naive": (dict(created="2026-11-23T11:45:12"), "created: .* must be in UTC"),
    "created later": (dict(created=SOON), "created: .* is in the future by more than 1 day"),
    "writer": (dict(writer="Taras Shevchenko"), "writer: must be a random id"),
    "writer short": (dict(writer="1"), "writer: must be a random id"),
    "writer long": (dict(writer="w" * 65), "writer: must be a random id of 8 to 64 letters"),
    "writer none": (dict(writer=None), "writer: must be a random id"),
    "model": (dict(model=""), "model: must be a version of 1 to 64 letters"),
    "renderer": (dict(renderer=1), "renderer: must be a version"),
    "notice": (dict(notice="v1\n"), "notice: must be a version"),
}


@pytest.mark.parametrize("changes, reason", REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path, changes, reason):
    "Each limit has a case that breaks it alone: the error names the limit and its number, nothing reaches the disk."
    with pytest.raises(SampleError, match=f"^{reason}"):
        open_store(str(tmp_path)).add(Sample(**{**vars(GOOD), **changes}))
    assert not list(tmp_path.rglob("*.json"))


ACCEPTED = {
    "as it is": {},
    "most strokes": dict(ink=[[[1, 1, 0]]] * MAX_STROKES),
    "most points": dict(ink=[[[1, 1, 0]] * MAX_POINTS]),
    "longest": dict(ink=[[[1, 1, 0], [1, 1, MAX_TIME]]]),
    "off the pad": dict(ink=[[[EDGE, 10]]]),
    "a tap without time": dict(ink=[[[1, 1]]]),
    "unlabelled": dict(label=None, uppercase=None),
    "case unknown": dict(uppercase=None),
    "digit": dict(label="7", uppercase=None),
    "no answer": dict(guess=guess(top=[], uppercase_probability=None)),
    "Z": dict(created="2026-11-23T09:45:12Z"),
    "now": dict(created=now()),
    "a UUID": dict(writer="6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(tmp_path, changes):
    "The last value on the good side of each limit is kept."
    sample = Sample(**{**vars(GOOD), **changes})
    store = open_store(str(tmp_path))
    assert store.get(store.add(sample)) == sample


# The text

pixels = st.floats(-100, 400, allow_nan=False)
points = st.lists(st.tuples(pixels, pixels), min_size=1, max_size=12)
probabilities = st.floats(0, 1, allow_nan=False)
tops = st.lists(
    st.tuples(st.sampled_from(CLASSES), probabilities), max_size=ALTERNATIVES, unique_by=lambda pair: pair[0]
)
answers = st.one_of(
    st.tuples(st.sampled_from(LETTERS), st.sampled_from([True, False, None])),
    st.tuples(st.sampled_from([*DIGITS, None]), st.none()),
)


@st.composite
def samples(draw) -> Sample:
    "Any sample that a pad can make."
    label, uppercase = draw(answers)
    ink = draw(st.lists(points, min_size=1, max_size=4))
    if draw(st.booleans()):
        times = iter(sorted(draw(st.lists(st.integers(0, MAX_TIME), min_size=48, max_size=48))))
        ink = [[(x, y, next(times)) for x, y in stroke] for stroke in ink]
    top = sorted(draw(tops), key=lambda pair: -pair[1])
    case = draw(st.none() | probabilities)
    return replace(
        GOOD,
        ink=ink,
        label=label,
        uppercase=uppercase,
        device=draw(st.sampled_from(DEVICES)),
        guess={"mode": draw(st.sampled_from(sorted(MODES))), "top": top, "uppercase_probability": case},
        writer=draw(st.from_regex(r"\A[A-Za-z0-9_-]{8,64}\Z")),
        created=draw(st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1))).isoformat() + "Z",
    )


@settings(max_examples=80, deadline=None)
@given(samples())
@pytest.mark.slow
def test_round_trip(sample):
    "What a pad can make passes the limits and comes back from its text as it was, with the same name."
    check(sample)
    again = Sample.from_json(sample.to_json())
    assert again == sample and again.id == sample.id and again.to_json() == sample.to_json()
    assert sample.id == sha256(sample.to_json().encode()).hexdigest()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(vars(GOOD))), json_values)
def test_no_text_breaks_the_reader(field, value):
    "Any JSON in any field is a sample or a `SampleError`, never another error."
    text = json.dumps({**vars(GOOD), field: value})
    try:
        check(Sample.from_json(text))
    except SampleError as error:
        assert ": " in str(error)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "json: cannot be read"),
        ("[1]", "json: must be an object"),
        ("[" * 100_000, "json: cannot be read"),
        (GOOD.to_json().replace("60,", "NaN,"), "json: cannot be read"),
        (GOOD.to_json().replace('"label":"ї",', ""), "label: is missing"),
        (GOOD.to_json().replace('"label"', '"age":9,"label"'), "age: is not a field"),
        (" " * MAX_BYTES + GOOD.to_json(), "size: "),
    ],
)
def test_refused_text(text, reason):
    with pytest.raises(SampleError, match=f"^{reason}"):
        Sample.from_json(text)


# Verdicts and withdrawals


SAID = Verdict(GOOD.id, "accept", "ї", False, None, "olena", "2026-11-24T08:00:00.000+00:00")
TURNED_DOWN = replace(SAID, decision="reject", label=None, uppercase=None, reason="scribble")

REFUSED_VERDICTS = {
    "no id": (dict(sample="../../etc/passwd"), "sample: must be the id"),
    "number as id": (dict(sample=7), "sample: must be the id"),
    "decision": (dict(decision="maybe"), "decision: 'maybe' is not one of"),
    "accepted as nothing": (dict(label=None, uppercase=None), "label: is missing"),
    "accepted as a capital": (dict(label="Ї"), "label: 'Ї' is not one of"),
    "a digit with case": (dict(label="7"), "uppercase: only letters have a case"),
    "accepted for a reason": (dict(reason="abuse"), "reason: says nothing with accept"),
    "rejected with a label": (dict(decision="reject", reason="abuse"), "label: says nothing with reject"),
    "skipped with a label": (dict(decision="skip"), "label: says nothing with skip"),
    "undone with a case": (dict(decision="undo", label=None), "uppercase: only letters"),
    "rejected for nothing": ({**vars(TURNED_DOWN), "reason": None}, "reason: None is not one of"),
    "rejected for a mood": ({**vars(TURNED_DOWN), "reason": "ugly"}, "reason: 'ugly' is not one of"),
    "judge with a space": (dict(judge="Olena P."), "judge: must be a token"),
    "judge who climbs": (dict(judge="../x"), "judge: must be a token"),
    "short judge": (dict(judge="o"), "judge: must be a token"),
    "no judge": (dict(judge=None), "judge: must be a token"),
    "created": (dict(created="yesterday"), "created: 'yesterday' is not an ISO time"),
    "created later": (dict(created=SOON), "created: .* is in the future by more than 1 day"),
}


@pytest.mark.parametrize("changes, reason", REFUSED_VERDICTS.values(), ids=REFUSED_VERDICTS)
def test_refused_verdicts(changes, reason):
    with pytest.raises(SampleError, match=f"^{reason}"):
        check_verdict(replace(SAID, **changes))


@pytest.mark.parametrize(
    "verdict",
    [SAID, TURNED_DOWN, replace(SAID, label="7", uppercase=None), replace(SAID, uppercase=None)]
    + [replace(SAID, decision=decision, label=None, uppercase=None) for decision in ("skip", "undo")],
)
def test_a_verdict_comes_back_from_its_text(verdict):
    check_verdict(verdict)
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert verdict.id == sha256(verdict.to_json().encode()).hexdigest()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(vars(SAID))), json_values)
def test_no_text_breaks_the_reader_of_verdicts(field, value):
    "Any JSON in any field is a verdict or a `SampleError`, never another error."
    try:
        check_verdict(Verdict.from_json(json.dumps({**vars(SAID), field: value})))
    except SampleError as error:
        assert ": " in str(error)


@pytest.mark.parametrize("changes", [dict(writer="Taras Shevchenko"), dict(writer="../up"), dict(created=SOON)])
def test_refused_withdrawals(changes):
    with pytest.raises(SampleError, match="^(writer|created): "):
        check_withdrawal(replace(Withdrawal(GOOD.writer, now()), **changes))


UNSAID = replace(GOOD, label=None, uppercase=None)
CONFUSED = replace(GOOD, label="і", guess=guess(top=[["ї", 0.6], ["й", 0.3]]))


@pytest.mark.parametrize(
    "sample, verdict, alone",
    [
        (GOOD, SAID, False),
        (GOOD, replace(SAID, uppercase=True), True),  # the writer said small
        (replace(GOOD, uppercase=None), replace(SAID, uppercase=True), False),  # the writer said no case
        (GOOD, replace(SAID, label="і"), True),  # the second guess is no witness
        (UNSAID, SAID, False),
        (UNSAID, replace(SAID, uppercase=True), False),
        (UNSAID, replace(SAID, label="7", uppercase=None), True),
        (replace(UNSAID, guess=guess(top=[])), SAID, True),  # nobody has said anything
        (CONFUSED, SAID, False),  # the model says so
        (CONFUSED, replace(SAID, label="і"), False),  # the writer says so
        (CONFUSED, replace(SAID, label="й"), True),
        (GOOD, TURNED_DOWN, False),
    ],
)
def test_who_stands_alone(sample, verdict, alone):
    assert contradicts(sample, verdict) is alone
