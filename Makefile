SWIFT ?= swift
PYTHON ?= python3
VENV := .venv

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST)

run: ## Build and start BlackJackServer; Ctrl-C ends it
	$(call install,libsqlite3-dev libcrypt-dev)
	$(SWIFT) build --product BlackJackServer
	$(SWIFT) build --product BlackJackClient
	@echo "To play, in another terminal: swift run BlackJackClient play --name you"
	@exec "$$($(SWIFT) build --show-bin-path)/BlackJackServer"

test: $(VENV)/installed ## Run all tests
	$(call install,libsqlite3-dev libcrypt-dev)
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest
	$(VENV)/bin/pytest Tests/Interop --quiet --programs "$$($(SWIFT) build --show-bin-path)"

bench: $(VENV)/installed ## Compare the broker with nats-server; BENCH=--quick takes a minute
	$(call install,libsqlite3-dev libcrypt-dev)
	$(VENV)/bin/python Benchmarks/compare.py --build $(BENCH)

lint: ## Check the format
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Examples Tests

format: ## Format in place
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Examples Tests

$(VENV)/installed: Tests/Interop/requirements.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call install-now,python3-venv); }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Installs those of the Debian packages that are missing. Other systems look after themselves.
define install
@missing=; \
if command -v dpkg-query >/dev/null; then \
    for package in $(1); do \
        dpkg-query -W -f '$${db:Status-Status}\n' $$package 2>/dev/null | grep -qx installed || missing="$$missing $$package"; \
    done; \
fi; \
if [ -n "$$missing" ]; then $(call install-now,$$missing); fi
endef

define install-now
    echo installing $(1); \
    if [ "$$(id -u)" = 0 ]; then root=; \
    elif command -v sudo >/dev/null; then root=sudo; \
    else echo "please install: $(1)" >&2; exit 1; fi; \
    $$root env DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
    $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $(1) >/dev/null
endef
