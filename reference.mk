# What only the repository with the reference solution has; a student's project is without.

COMMANDS += starter check-starter

.PHONY: starter check-starter

help::
	@echo
	@echo '  make starter DIR=../my-raft   a project of your own, to write Raft in; UPDATE=1 renews it'
	@echo '  make check-starter    what students get is complete, builds, and fails as it should'

starter:
	@starter/export.sh

check-starter:
	@starter/check.sh
