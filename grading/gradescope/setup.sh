#!/usr/bin/env bash
# Gradescope runs this once, as root, when it makes the autograder's image: it installs what is
# needed, and builds all that does not depend on a submission.
set -euo pipefail
source=/autograder/source lab=/autograder/lab
apt-get update
apt-get install -y --no-install-recommends bubblewrap build-essential ca-certificates curl git make
curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
. "$HOME/.cargo/env"
mkdir -p "$lab"
tar -xzf "$source/lab.tar.gz" -C "$lab"
cd "$lab"
# Hidden seeds are nobody's business.
chmod 700 "$source" "$lab"
# The skeleton is graded once, so that an image holds the harness, built.
make starter DIR=/tmp/skeleton
make grade DIR=/tmp/skeleton SCHEME="$source/grading.toml" OUT=/tmp/first JOBS=1
rm -r /tmp/skeleton /tmp/first
