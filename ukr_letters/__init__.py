"""Recognise hand-drawn Ukrainian letters and digits, and keep the drawings that people give.

`Recognizer` says what a drawing is, `glyph` what the network sees of it, `open_store` where samples are kept. Each name
is loaded when it is first asked for, so `import ukr_letters` costs nothing.
"""

import sys

__version__ = "0.1.0"
__all__ = ["CLASSES", "Recognition", "Recognizer", "Sample", "glyph", "open_store"]

TYPE_CHECKING = False  # what a type checker takes for true; importing it from `typing` costs more than all the rest
if TYPE_CHECKING:
    from .core.alphabet import CLASSES
    from .core.ink import glyph
    from .core.recognizer import Recognition, Recognizer
    from .samples.sample import Sample
    from .samples.store import open_store

_HOMES = {
    "CLASSES": "core.alphabet",
    "Recognition": "core.recognizer",
    "Recognizer": "core.recognizer",
    "Sample": "samples.sample",
    "glyph": "core.ink",
    "open_store": "samples.store",
}

_FORMER = {"ukr_letters.ink": "ukr_letters.core.ink", "ukr_letters.recognizer": "ukr_letters.core.recognizer"}


class _FormerModules:
    "Says where a module is today, if the README once showed it under another name."

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        "Raise `ModuleNotFoundError` with the name of today; find nothing else."
        if name in _FORMER:
            raise ModuleNotFoundError(f"{name} is now {_FORMER[name]}", name=name)


sys.meta_path.append(_FormerModules)


def __getattr__(name: str) -> object:
    "Return a public name, from the module that defines it."
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    "Return the public names, loaded or not."
    return sorted({*globals(), *__all__})
