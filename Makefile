SWIFT ?= swift
PYTHON ?= python3
VENV := .venv
# With Swift's libraries inside, programs run where no Swift is, and faster: fewer calls go through tables.
RELEASE := $(SWIFT) build -c release $(if $(filter Linux,$(shell uname)),--static-swift-stdlib)
FUZZ_SECONDS ?= 60
# 0 for other inputs each time.
FUZZ_SEED ?= 0
# For each store.
CHAOS_SECONDS ?= 120
# 0 for something else each time.
CHAOS_SEED ?= 0
# sqlite, postgres, or both.
CHAOS_STORE ?= both
CHAOS_NODES ?= 3
# All at once they would keep each other from meeting their time-outs.
TESTS_AT_ONCE ?= 8
# Debian's packages with the libraries that everything is linked with.
LIBRARIES := libsqlite3-dev libcrypt-dev libpq-dev

.DEFAULT_GOAL := help
.PHONY: help run cluster test fuzz fuzzwire tsan stress chaos lint format bench budgets

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST)

run: ## Build and start BlackJackServer; Ctrl-C ends it
	$(call install,$(LIBRARIES))
	$(SWIFT) build --product BlackJackServer
	$(SWIFT) build --product BlackJackClient
	@echo "To play, in another terminal: swift run BlackJackClient play --name you"
	@exec "$$($(SWIFT) build --show-bin-path)/BlackJackServer"

cluster: ## Build and start three nodes that share cluster.sqlite, or STORE=postgres://…; Ctrl-C ends them
	$(call install,$(LIBRARIES))
	$(SWIFT) build --product BlackJackServer
	$(SWIFT) build --product BlackJackClient
	@echo "To play, in other terminals: swift run BlackJackClient play --server nats://localhost:4223 --name you"
	@exec Examples/BlackJack/cluster "$$($(SWIFT) build --show-bin-path)/BlackJackServer"

test: $(VENV)/installed ## Run all tests
	$(call install,$(LIBRARIES) postgresql pgbouncer)
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest --experimental-maximum-parallelization-width $(TESTS_AT_ONCE)
	$(VENV)/bin/pytest Tests/Interop --quiet --programs "$$($(SWIFT) build --show-bin-path)"

fuzz: ## Feed parsers and connections with random bytes; FUZZ_SECONDS=60 for each target
	$(call install,libcrypt-dev)
	$(call fuzz,FuzzWire,client server headers json)
	$(call fuzz,FuzzBroker,connection)

fuzzwire: ## Feed only the parsers, which takes no long build
	$(call fuzz,FuzzWire,client server headers json)

tsan: ## Test the broker and the client with the thread sanitizer
	$(call install,libcrypt-dev)
	RIVULET_SANITIZER=thread $(SWIFT) test --sanitize=thread --scratch-path .build-tsan --disable-xctest --no-parallel

stress: $(VENV)/installed ## Run the tests under load in full
	$(call install,$(LIBRARIES))
	$(SWIFT) build --product rivulet
	$(SWIFT) build --product BlackJackServer
	$(VENV)/bin/pytest Tests/Interop/test_load.py --stress --quiet --programs "$$($(SWIFT) build --show-bin-path)"

chaos: $(VENV)/installed ## Break nodes, databases and networks while clients write; CHAOS_SECONDS=120 CHAOS_SEED=0 CHAOS_STORE=both CHAOS_NODES=3
	$(call install,$(LIBRARIES) postgresql)
	$(SWIFT) build --product ChaosServer
	$(SWIFT) build --product rivulet
	$(VENV)/bin/python Tests/Chaos/chaos.py --seconds $(CHAOS_SECONDS) --seed $(CHAOS_SEED) --store $(CHAOS_STORE) --nodes $(CHAOS_NODES) \
	    --programs "$$($(SWIFT) build --show-bin-path)"

bench: $(VENV)/installed ## Compare with nats-server, and durable turns with bare SQL; BENCH=--quick takes less long
	$(call install,$(LIBRARIES) postgresql)
	$(RELEASE) --product rivulet
	$(RELEASE) --product BenchObjects
	$(RELEASE) --product BareStore
	$(VENV)/bin/python Benchmarks/compare.py $(BENCH)

budgets: ## Count allocations per message on the hot paths, and compare them with their budgets
	$(call install,$(LIBRARIES))
	$(RELEASE) --product rivulet
	$(RELEASE) --product BudgetServer
	$(PYTHON) Benchmarks/Budgets/budgets.py

lint: ## Check the format
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Examples Tests Benchmarks

format: ## Format in place
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Examples Tests Benchmarks

$(VENV)/installed: Tests/Interop/requirements.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call install-now,python3-venv); }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Builds a fuzzer, and runs its targets one after the other.
define fuzz
RIVULET_SANITIZER=fuzzer $(SWIFT) build --scratch-path .build-fuzz --product $(1)
@for target in $(2); do \
    mkdir -p .build-fuzz/corpus/$$target; \
    SWIFT_BACKTRACE=enable=no .build-fuzz/debug/$(1) $$target -max_total_time=$(FUZZ_SECONDS) -seed=$(FUZZ_SEED) -max_len=1024 -timeout=10 \
        -detect_leaks=0 -use_value_profile=1 -dict=Tests/Fuzz/nats.dict -artifact_prefix=.build-fuzz/$$target- -verbosity=0 \
        -print_final_stats=1 .build-fuzz/corpus/$$target Tests/Fuzz/Seeds/$$target >.build-fuzz/$$target.log 2>&1 \
    || { cat .build-fuzz/$$target.log; exit 1; }; \
    sed -n "s/^stat::number_of_executed_units: */$$target: inputs /p" .build-fuzz/$$target.log; \
done
endef

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
    case " $(1) " in *" postgresql "*) $(no-cluster) ;; esac; \
    $$root env DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
    case " $(1) " in \
    *" pgbouncer "*) $(call without-pooler,$(apt-install)) ;; \
    *) $(apt-install) ;; \
    esac
endef

apt-install = $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $(1) >/dev/null

# The tests start a server of their own. Debian's package would make another, and start it, unless it is told not to before it comes.
no-cluster = $$root sh -c 'cd /etc && mkdir -p postgresql-common && cd postgresql-common && test -e createcluster.conf || \
    echo "create_main_cluster = off" >createcluster.conf'

# Nor is a pooler to be started, now or at the next start of the machine.
define without-pooler
    if [ -d /run/systemd/system ]; then $$root systemctl mask --quiet --runtime pgbouncer; fi; \
    $(1) && \
    if [ -d /run/systemd/system ]; then $$root systemctl unmask --quiet --runtime pgbouncer && $$root systemctl disable --quiet pgbouncer; fi
endef
