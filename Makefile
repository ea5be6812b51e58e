# make app: draw in the browser.  make quick: a change in three minutes.  make test: all that must stay true.  make help lists the rest.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.DEFAULT_GOAL := help
.PHONY: help app review quick test check repro bench lab export readme clean-notebooks deploy-secrets deploy-check deploy-test

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

.venv/serving: settings.ini setup.py constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	@touch $@

.venv/everything: .venv/serving
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[dev]'
	@touch $@

.venv/browser:
	command -v chromium >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq chromium; }
	@mkdir -p .venv && touch $@

.venv/postgres:
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq postgresql; }
	@mkdir -p .venv && touch $@

.venv/proxy:
	PATH=$$PATH:/usr/sbin; command -v haproxy >/dev/null && command -v dnsmasq >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq haproxy dnsmasq-base wget; }
	@mkdir -p .venv && touch $@

.venv/wrk:
	command -v wrk >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq wrk; }
	@mkdir -p .venv && touch $@

app: .venv/serving  ## install what serving needs and open the drawing page on http://127.0.0.1:8866
	$(BIN)/ukr_serve

review: .venv/serving  ## judge collected drawings on a page that asks for a token, http://127.0.0.1:8867
	$(BIN)/ukr_review

quick: .venv/everything  ## what can be known of a change in three minutes; STRICT=1 fails on fast tests that are slow twice
	$(BIN)/python tests/house/quick.py $(if $(STRICT),--strict)

test: .venv/everything .venv/browser .venv/postgres .venv/proxy check  ## install everything, run every check, lesson and test
	$(BIN)/nbdev_test --path nbs/lib --n_workers 2 --do_print
	$(BIN)/python -m pytest --durations 25 --durations-min 0.5 tests

check: .venv/everything  ## notebooks clean, package exported, README in sync, nothing left over
	$(BIN)/python tests/house/checks.py

repro: .venv/everything  ## run the pipeline on the real data: preprocess, pretrain, teach, train, evaluate
	$(BIN)/dvc repro

bench: .venv/everything .venv/browser .venv/postgres .venv/wrk  ## measure network, store, release, serving, review, tuning and training; ONLY='model store' measures some
	for part in $(or $(ONLY),model store release serving review tune train); do PYTHONPATH=tests $(BIN)/python bench/$$part.py || exit 1; done

deploy-secrets:  ## write deploy/.env with fresh secrets: make deploy-secrets SITE=letters.example.org MAIL=you@example.org
	sh deploy/secrets.sh "$(SITE)" "$(MAIL)"

deploy-check: .venv/everything .venv/proxy  ## let the real programs read the files of deploy/; nothing is started
	sh deploy/check.sh

deploy-test:  ## build our images and bring the composition up for real, where podman is found; not part of make test
	sh deploy/try.sh

lab: .venv/everything  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab nbs

export: .venv/everything  ## notebooks to package
	$(BIN)/nbdev_export

clean-notebooks: .venv/everything  ## strip what running leaves in notebooks
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_clean --fname dashboards

readme: .venv/everything  ## README.md from nbs/index.ipynb
	$(BIN)/jupyter nbconvert --to markdown --log-level ERROR --output-dir . --output README nbs/index.ipynb
