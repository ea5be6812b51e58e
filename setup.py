"""Package configuration, read from settings.ini so that nbdev and pip share one source."""

from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

config = ConfigParser(delimiters=["="])
config.read("settings.ini", encoding="utf-8")
settings = config["DEFAULT"]

# Where the files of each package lie in the tree, and those of them that are no Python. They are named one by one,
# because a pattern that finds nothing builds a wheel without pages; only a language comes as one file more.
FOLDERS = {"ukr_letters": "ukr_letters", "ukr_letters.dashboards": "dashboards"}
SUBPACKAGES = [f"ukr_letters.{name}" for name in ("core", "samples", "learn", "release", "serve")]
FILES = {
    "ukr_letters": """
        py.typed champion/bundle.json champion/model.onnx learn/unipen_files.txt
        frontend/common.js frontend/pad.css frontend/pad.js frontend/page.css frontend/page.js
        frontend/review.css frontend/review.js texts/uk.json texts/en.json
    """.split()
    + [
        f"texts/{path.name}"
        for path in Path("ukr_letters/texts").glob("[!.]*.json")
        if path.is_file() and path.stem not in ("uk", "en")
    ],
    "ukr_letters.dashboards": """
        draw.ipynb review.ipynb template/404.html template/429.html template/error.html template/full.html
        template/index.html.j2 template/login.html template/page.html
    """.split(),
}


def words(key: str) -> list[str]:
    "The whitespace-separated entries of one setting."
    return settings.get(key, "").split()


def missing() -> list[str]:
    "The files that the package cannot do without and that are not in the tree."
    needed = ["LICENSE", *(f"{FOLDERS[package]}/{name}" for package, names in FILES.items() for name in names)]
    return [name for name in needed if not Path(name).is_file()]


if missing():
    raise SystemExit(f"this tree is not whole: {', '.join(missing())} not found; check it out or download it again")

extras = {name: words(f"{name}_requirements") for name in ("api", "s3", "servers", "train", "dev", "tests")}
runtime = sum((extras[name] for name in ("api", "s3", "servers", "train")), [])

setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    keywords=settings["keywords"],
    packages=[*FOLDERS, *SUBPACKAGES],
    package_dir=FOLDERS,
    package_data=FILES,
    include_package_data=False,  # the list above is all
    python_requires=f">={settings['min_python']}",
    install_requires=words("requirements"),
    extras_require={**extras, "dev": runtime + extras["dev"]},
    entry_points={"console_scripts": words("console_scripts")},
)
