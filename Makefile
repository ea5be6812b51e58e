# make app: draw in the browser.  make quick: a change in three minutes.  make test: all that must stay true.  make help lists the rest.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.DEFAULT_GOAL := help
.PHONY: help app review quick test check repro walk experiments mlflow optuna bench lab export readme outputs clean-notebooks deploy-secrets deploy-check deploy-test

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

# Installing. Each step says what it brings and does nothing while that is there: the file it leaves behind is newer than
# what it was read from. pip is quiet unless something is wrong.
# TORCH may name another build, with the index that has it; the build named last is kept.
TORCH ?= $(or $(shell cat .venv/torch 2>/dev/null),torch==2.13.0)
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
INSTALL := $(PIP) install --constraint constraints.txt
# Not pyproject.toml, which each export writes anew; what is needed stands in settings.ini.
SOURCES := settings.ini setup.py constraints.txt

.venv/pip:
	@test -x $(BIN)/python || { echo "making .venv with $$($(PYTHON) --version)" && $(PYTHON) -m venv .venv; }
	@$(INSTALL) --upgrade pip
	@touch $@

.venv/serving: .venv/pip $(SOURCES)
	@echo "installing what serving needs, without torch: 0.4 GB, half a minute"
	@$(INSTALL) --editable .
	@touch $@

# A build of torch is replaced before anything that depends on it is looked at; this recipe always runs, and seldom works.
.venv/torch: .venv/pip FORCE
	@test "$$(cat $@ 2>/dev/null)" = "$(TORCH)" || { \
	  echo "installing $(TORCH): 0.8 GB without CUDA, up to 5 GB with it, one to ten minutes" && \
	  rm -f $@ && $(PIP) uninstall --yes torch && $(PIP) install $(TORCH) && echo "$(TORCH)" >$@; }

.venv/developing: .venv/torch $(SOURCES)
	@echo "installing what training and notebooks need: 1.5 GB, two minutes"
	@$(INSTALL) --editable '.[dev]'
	@touch .venv/serving $@

.venv/testing: .venv/torch $(SOURCES)
	@echo "installing what training, notebooks and tests need: 2 GB, three minutes"
	@$(INSTALL) --editable '.[dev,tests]'
	@touch .venv/serving .venv/developing $@

.PHONY: FORCE
FORCE:

APT = { echo "installing $(1) with apt-get: $(2)" && $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq $(1); }

.venv/browser:
	@command -v chromium >/dev/null || $(call APT,chromium,0.5 GB and a minute)
	@mkdir -p .venv && touch $@

.venv/postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || $(call APT,postgresql,0.1 GB and half a minute)
	@mkdir -p .venv && touch $@

.venv/proxy:
	@PATH=$$PATH:/usr/sbin; command -v haproxy >/dev/null && command -v dnsmasq >/dev/null || $(call APT,haproxy dnsmasq-base wget,10 MB and some seconds)
	@mkdir -p .venv && touch $@

.venv/wrk:
	@command -v wrk >/dev/null || $(call APT,wrk,1 MB and some seconds)
	@mkdir -p .venv && touch $@

app: .venv/serving  ## install what serving needs and open the drawing page on http://127.0.0.1:8866
	$(BIN)/ukr_serve

review: .venv/serving  ## judge collected drawings on a page that asks for a token, http://127.0.0.1:8867
	$(BIN)/ukr_review

# Several programs share the cores: two threads of one that wait for each other cost a third of the time.
quick test: export OMP_NUM_THREADS = 1

quick: .venv/testing  ## what can be known of a change in three minutes; STRICT=1 fails on fast tests that are slow twice
	$(BIN)/python tests/house/quick.py $(if $(STRICT),--strict)

test: .venv/testing .venv/browser .venv/postgres .venv/proxy check  ## install everything, run every check, lesson and test
	$(BIN)/python tests/house/lessons.py
	$(BIN)/python -m pytest -n 2 --dist loadscope --durations 25 --durations-min 0.5 tests

check: .venv/developing  ## notebooks clean, package exported, README in sync, nothing left over
	$(BIN)/python tests/house/checks.py

repro: .venv/developing  ## run the pipeline on the real data: preprocess, pretrain, train, evaluate
	$(BIN)/dvc repro

# Another checkout to look into, such as walk. The list of sources would fill a terminal by itself.
IN ?= .
HEADLINE := ^(digits|letters|case|sure|ood|calibration)$$

walk: .venv/developing  ## walk the whole pipeline on embedded data with small budgets, in the new folder walk/
	$(BIN)/python tests/house/walk.py

experiments: .venv/developing  ## compare experiments of DVC by what was changed and the headline; IN=walk looks into another checkout
	@cd $(IN) && dvc exp show --no-pager --only-changed --keep '$(HEADLINE)' --drop '[.](npz|json|py|ipynb)$$|^models|^Created|[.]sources$$'

mlflow: .venv/developing  ## compare the runs of stages in MLflow's pages on http://127.0.0.1:5000; PORT=5001 takes another port, IN=walk another checkout
	@cd $(IN) && ukr_track --pages --port $(or $(PORT),5000)

optuna: .venv/developing  ## watch the searches of ukr_tune in Optuna's dashboard on http://127.0.0.1:8080; IN=walk as above
	@cd $(IN) && ukr_tune --dashboard

bench: .venv/testing .venv/browser .venv/postgres .venv/wrk  ## measure network, store, release, serving, review, tuning and training; ONLY='model store' measures some
	for part in $(or $(ONLY),model store release serving review tune train); do PYTHONPATH=tests $(BIN)/python bench/$$part.py || exit 1; done

deploy-secrets:  ## write deploy/.env with fresh secrets: make deploy-secrets SITE=letters.example.org MAIL=you@example.org
	sh deploy/secrets.sh "$(SITE)" "$(MAIL)"

deploy-check: .venv/testing .venv/proxy  ## let the real programs read the files of deploy/; nothing is started
	sh deploy/check.sh

deploy-test:  ## build our images and bring the composition up for real, where podman is found; not part of make test
	sh deploy/try.sh

lab: .venv/developing  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab nbs

export: .venv/developing  ## notebooks to package
	$(BIN)/nbdev_export

outputs: .venv/testing  ## run the lessons of the library and keep what they show
	$(BIN)/python tests/house/lessons.py --write

clean-notebooks: .venv/developing  ## strip what running leaves in notebooks, and all outputs of stages, essays and pages
	$(BIN)/jupyter nbconvert --log-level ERROR --clear-output --inplace nbs/pipeline/*.ipynb nbs/explore/*.ipynb dashboards/*.ipynb
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_clean --fname dashboards

readme: .venv/developing  ## README.md from nbs/index.ipynb
	$(BIN)/jupyter nbconvert --to markdown --log-level ERROR --output-dir . --output README nbs/index.ipynb
