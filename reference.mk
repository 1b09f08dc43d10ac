# What only the repository with the reference solution has; a student's project is without.

COMMANDS += starter check-starter mutants mutant check-hashes check-outputs drawings \
  book book-serve grade check-grading autograder exercise exercise-check

.PHONY: starter check-starter mutants mutant check-hashes check-outputs drawings \
  book book-serve grade check-grading autograder exercise exercise-check

help::
	@echo
	@echo '  make test-trace       recorded runs'
	@echo '  make test-runner      the runner, against programs that lie, hang and hide'
	@echo '  make check-hashes     same seed, same run, on every machine; RENEW=1 after a change'
	@echo '  make starter DIR=../my-raft   a project of your own, to write Raft in; UPDATE=1 renews it'
	@echo '  make check-starter    what students get is complete, builds, and fails as it should'
	@echo
	@echo '  make mutants          plants each bug of mutants/, and tells which tests catch it; FAST=1'
	@echo '  make mutant M=NAME    one of them, with all messages:  make mutant M=a-double-vote'
	@echo
	@echo '  make grade DIR=submissions/   points for a class, or for one project: docs/grading.md'
	@echo '  make autograder       the zip for Gradescope'
	@echo '  make exercise N=7 DIR=../ex-7   a project with an unnamed bug; make exercise-check'
	@echo
	@echo '  make book             the handbook as a book with search; make book-serve shows it'
	@echo '  make drawings         its pictures, from docs/drawings; make check-outputs: what it shows'

# The suites that can be simulated; two seeds of each test, on the kernel that is asked for.
HASHED := raft figure2 nemesis labgob labrpc labsync
check-hashes:
	$(CARGO) test --quiet --no-fail-fast $(HASHED:%=--test %) -- \
	  --hashes tests/hashes.txt --seeds 1-2 $(if $(RENEW),--renew-hashes)

starter:
	@starter/export.sh

check-starter:
	@starter/check.sh

MUTANTS := $(CARGO) run --quiet --package raft-lab-tools --bin mutants --
MUTANT_OPTIONS = $(if $(ONLY),--only $(ONLY)) $(if $(COLUMNS),--columns $(COLUMNS)) \
  $(if $(FAST),--fast) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(MARKDOWN),--markdown $(MARKDOWN)) \
  $(if $(LIST),--list)

mutants:
	@$(MUTANTS) $(MUTANT_OPTIONS)

mutant:
	@test -n "$(M)" || { echo 'which bug?  make mutant M=a-double-vote; make mutants LIST=1'; exit 2; }
	@$(MUTANTS) $(M) $(MUTANT_OPTIONS)

# SCHEME=grading.toml, OUT=folder, ONLY=name, GROUP=name, JOBS=n; ANEW=1 grades again what is graded.
GRADING := $(CARGO) run --quiet --package raft-lab-grading --
grade:
	@test -n "$(DIR)" || { echo 'which submissions?  make grade DIR=submissions/'; exit 2; }
	@$(GRADING) grade "$(DIR)" $(if $(SCHEME),--scheme "$(SCHEME)") $(if $(OUT),--out "$(OUT)") \
	  $(if $(ONLY),--only "$(ONLY)") $(if $(GROUP),--group "$(GROUP)") $(if $(JOBS),--jobs $(JOBS)) \
	  $(if $(ANEW),--anew) $(GRADE_OPTIONS)

# Right, wrong and hostile submissions, and what each earns, in a quarter of an hour. ONLY=view,
# KEEP=folder.
check-grading:
	@ONLY="$(ONLY)" KEEP="$(KEEP)" grading/trial.sh

# The zip that Gradescope takes; SCHEME=grading.toml, OUT=autograder.zip.
autograder:
	@OUT="$(OUT)" SCHEME="$(SCHEME)" grading/gradescope/pack.sh

# A project with an unnamed bug; its solution goes to target/exercises, or to SOLUTION=file. PART=A
# to D, or L for locks; with PHRASE='...' of your own nobody can tell the bug from the number.
exercise:
	@test -n "$(N)" -a -n "$(DIR)" || \
	  { echo 'which one, and where?  make exercise N=7 DIR=../ex-7'; exit 2; }
	@$(GRADING) exercise "$(N)" "$(DIR)" $(if $(PART),--part $(PART)) \
	  $(if $(PHRASE),--phrase "$(PHRASE)") $(if $(SOLUTION),--solution "$(SOLUTION)")

exercise-check:
	@test -n "$(ANSWER)" -a -n "$(DIR)" || \
	  { echo 'which answer?  make exercise-check DIR=../ex-7 ANSWER=vote-once'; exit 2; }
	@$(GRADING) check "$(DIR)" "$(ANSWER)"

# What the handbook shows is what is printed, and drawn of a run; RENEW=1 writes other numbers, say of
# lines, to its pages.
# WHOLE=1 takes the program of `make mutants`.
check-outputs:
	@$(MUTANTS) --outputs $(if $(RENEW),--renew) $(if $(WHOLE),--whole)

# The pictures of the handbook, and what they show in words, from docs/drawings/*.txt.
drawings:
	@$(CARGO) run --quiet --package raft-lab-tools --bin drawings

# The handbook as a book with search, in target/book/html.
book:
	@scripts/book.sh

book-serve:
	@scripts/book.sh serve
