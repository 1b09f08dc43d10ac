# The Raft lab. `make` alone shows what there is to do.
# Variables: T=part-of-a-name  S=suite  SEED=n  SEEDS=n or a-b  KERNEL=threads  JOBS=n  TRACE=file
# VERBOSE=1 (make hands them on to the tests).  F=file

CARGO ?= cargo
PARTS := 2A 2B 2C 2D
# The trace's tests need a Raft that works, and those of the runner take long: they are not in a
# student's project.
MODULES := labgob labrpc labsync simulation $(foreach m,trace runner,$(if $(wildcard tests/$m),$m))
# Modules whose tests run simulated as well.
SIMULATED := labgob labrpc labsync
COMMANDS := help test $(PARTS:%=test-%) $(PARTS:%=many-%) sim $(PARTS:%=sim-%) replay log view report \
  check-determinism test-figure2 nemesis $(MODULES:%=test-%) $(SIMULATED:%=sim-%) progress \
  watch bench lint

.PHONY: $(COMMANDS)
.DEFAULT_GOAL := help

help::
	@echo 'The Raft lab (MIT 6.824, Lab 2) in Rust'
	@echo
	@echo '  make progress         which tests pass, and what to do next   (simulated, some seconds)'
	@echo '                        HINT=1: and where to look; make watch: again at each save'
	@echo
	@echo '  make test-2A          Part A: leader election             (3 tests, 6 seconds)'
	@echo '  make test-2B          Part B: the log                     (10 tests, 10 seconds)'
	@echo '  make test-2C          Part C: persistence                 (8 tests, 35 seconds)'
	@echo '  make test-2D          Part D: log compaction              (7 tests, 40 seconds)'
	@echo '  make test             all of these, and all tests of the modules below'
	@echo '  make test T=NAME      the tests with NAME in their names:  make test T=figure_8_2c'
	@echo
	@echo '  make many-2A N=100 ...   the tests of a Part so many times in real time; failed runs are kept'
	@echo '                        STOP=1 ends with the first failure, FOR=10m after a time, RERUN=1 runs'
	@echo '                        the failed ones again; SHARD=2/5: one machine of five (sim as well)'
	@echo
	@echo '  make test-figure2     Figures 2 and 13, a test for each sentence  (a few seconds, simulated)'
	@echo '  make test-figure2 T=_2a   those of Part A'
	@echo '  make nemesis          random faults that the lab does not make;  T=2B, SEEDS=1-500, SEED=7'
	@echo
	@echo '  make sim              all four Parts simulated: virtual time, all choices from a seed'
	@echo '  make sim-2A ...       one Part;  SEEDS=100 for seeds 1 to 100, SEED=7 for one, T=NAME'
	@echo '  make replay           one run again, the same as before:  make replay T=figure_8_2c SEED=7'
	@echo '                        (of another suite than raft: S=figure2)'
	@echo '  make log T=re_election_2a SEED=1   that run in columns, a server each: how did it come about?'
	@echo '                        F=x.trace for a recorded one;  ARGS="--server 3"; ARGS=--help tells all'
	@echo '                        FORMAT=perfetto >x.json or FORMAT=shiviz >x.log: for other viewers'
	@echo '  make view T=re_election_2a SEED=1  the same as a page for the browser, with a timeline'
	@echo '  make check-determinism   runs each seed again and compares, event by event (T=NAME)'
	@echo
	@echo '  make test-labgob      encoding        make test-labrpc    the unreliable network'
	@echo '  make test-labsync     threads, locks, rules   make test-simulation'
	@echo
	@echo '  make bench            what the lab costs, with its goals; COMPARE=1: beside the run before'
	@echo '  make lint             format, clippy and documentation, warnings denied'
	@echo
	@echo 'Variables, for any of the tests:'
	@echo '  SEED=7                the random choices of a failed run: which server to crash, delays'
	@echo '  KERNEL=threads        simulations on real threads: the same runs, slower, for a debugger'
	@echo '  JOBS=1                one test at a time, printing as it goes (usual: 8 at a time)'
	@echo '  TRACE=x.trace         record everything that happens (a failing simulated seed always is)'
	@echo '  VERBOSE=1             show the log lines of Raft as well'

# In lower case, as the tests' names are, which all begin with test_.
export NAME := $(shell echo '$(T)' | tr A-Z a-z | sed 's/^test_//')

SUITE = $(CARGO) test --quiet --test $(1) -- --must-match
# What becomes of many runs: no further one after a failure or a time, a part of them for each of
# several machines, a report, failed runs kept, and those run again.
MANY = $(if $(STOP),--stop-at-first) $(if $(FOR),--for $(FOR)) $(if $(SHARD),--shard $(SHARD)) \
  $(if $(REPORT),--report $(REPORT)) $(if $(KEEP),--keep $(KEEP)) $(if $(RERUN),--failed-in $(REPORT))
SIM = $(call SUITE,raft) $(MANY)

ifndef T
test:
	$(SIM) --sim _2 --seeds 1-5
	$(CARGO) test --no-fail-fast
	$(CARGO) test --test figure2
else
test:
	@scripts/test.sh "$$NAME"
endif

# Each Part's tests end in its name.
$(PARTS:%=test-%): test-%:
	$(CARGO) test --test raft -- --must-match $(shell echo _$* | tr A-Z a-z)

# Each test N times, in real time; T narrows the choice. Failed runs are kept, and RERUN=1 runs
# those again.
$(PARTS:%=many-%): REPORT ?= target/$@.jsonl
$(PARTS:%=many-%): KEEP ?= target/failed
$(PARTS:%=many-%): many-%:
	$(CARGO) test --quiet --test raft -- --must-match $(or $(NAME),$(shell echo _$* | tr A-Z a-z)) \
	  --seeds $(or $(SEEDS),$(N),100) $(MANY)

# Simulated; T narrows the choice.
sim $(PARTS:%=sim-%): REPORT ?= target/$@.jsonl
sim:
	$(SIM) --sim $(or $(NAME),_2)

$(PARTS:%=sim-%): sim-%:
	$(SIM) --sim $(or $(NAME),$(shell echo _$* | tr A-Z a-z))

# Always simulated: what takes seconds of virtual time, and needs to come back the same.
# PLAN='3 servers, ...', or PLAN=file, in place of the faults that a seed draws.
nemesis:
	@$(call SUITE,nemesis) $(if $(SEED)$(SEEDS),,--seeds 50) $(or $(NAME),test_)

test-figure2:
	$(call SUITE,figure2) $(or $(NAME),test_)

$(SIMULATED:%=sim-%): sim-%:
	$(CARGO) test --quiet --test $* -- --sim $(NAME)

replay:
	@test -n "$(NAME)" -a -n "$(SEED)" || \
	  { echo 'which run?  make replay T=figure_8_2c SEED=7'; exit 2; }
	@$(call SUITE,$(or $(S),raft)) --sim --exact test_$(NAME)

# A run in columns, or as a page for the browser: of the trace F, or of a run that is made for it.  ARGS='--server 3 --term 8'
VIEWER := $(CARGO) run --quiet --package raft-lab-viewer --
RECORDED := target/traces/$(NAME)-$(SEED).trace
log view:
	@$(call RECORD,$@)
	@$(VIEWER) $@ $(if $(findstring --help,$(ARGS)),,"$(or $(F),$(RECORDED))") \
	  $(if $(FORMAT),--format $(FORMAT)) $(ARGS)

# Reports of many runs as one: a table, or FORMAT=junit.
report:
	@test -n "$(F)" || \
	  { echo "which report?  make report F=target/sim.jsonl; several:  F='a.jsonl b.jsonl'"; exit 2; }
	@$(VIEWER) report $(F) $(if $(FORMAT),--format $(FORMAT))

# Where neither F nor a plea for help is given, the test runs with its steps recorded. What it
# prints is shown only if it leaves no trace.
define RECORD
  $(if $(F)$(findstring --help,$(ARGS)),exit 0;) \
  test -n "$(NAME)" -a -n "$(SEED)" || { \
    echo 'which run?  make $(1) T=re_election_2a SEED=1'; \
    echo 'or which trace?  make $(1) F=x.trace; the latest are:'; \
    ls -t target/traces/*.trace 2>/dev/null | head -n 5 | sed 's/^/  F=/'; exit 2; }; \
  mkdir -p target/traces && rm -f $(RECORDED) && \
  $(CARGO) test --quiet --test $(or $(S),raft) --no-run && \
  { TRACE=$(RECORDED) $(call SUITE,$(or $(S),raft)) --sim --exact test_$(NAME) \
      >target/traces/log.txt 2>&1 || true; } && \
  test -f $(RECORDED) || { cat target/traces/log.txt; exit 2; }
endef

check-determinism:
	$(SIM) --twice $(or $(NAME),_2)

$(MODULES:%=test-%): test-%:
	$(CARGO) test --test $*

progress:
	@scripts/progress.sh

watch:
	@scripts/watch.sh

bench:
	@scripts/bench.sh

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items

# Not in a student's project, where this file is the same.
include $(wildcard reference.mk exercise.mk)

.DEFAULT:
	@echo "there is no 'make $@'; there are: $(COMMANDS)"
	@exit 2
