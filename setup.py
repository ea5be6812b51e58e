"""Package configuration, read from settings.ini so that nbdev and pip share one source."""

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

config = ConfigParser(delimiters=["="])
config.read("settings.ini", encoding="utf-8")
settings = config["DEFAULT"]


def words(key: str) -> list[str]:
    "The whitespace-separated entries of one setting."
    return settings.get(key, "").split()


extras = {name: words(f"{name}_requirements") for name in ("api", "s3", "servers", "train", "dev")}

setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    license="Apache-2.0",
    keywords=settings["keywords"],
    classifiers=["Programming Language :: Python :: 3", "Intended Audience :: Developers"],
    packages=find_packages(include=["ukr_letters*"]),
    package_data={"ukr_letters": ["champion/*", "frontend/*", "dashboards/*.ipynb", "dashboards/template/*"]},
    python_requires=f">={settings['min_python']}",
    install_requires=words("requirements"),
    extras_require={**extras, "dev": sum(extras.values(), [])},
    entry_points={"console_scripts": words("console_scripts")},
)
