#!/bin/sh
# Sees to it that there is a Chromium, for the tests of the viewer's page: on Debian and its like from
# its package. Where that cannot be, says so; the tests then say that they were skipped.
set -eu

for name in "${CHROMIUM-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && command -v "$name" >/dev/null; then
    echo "there is $name: $("$name" --version 2>/dev/null)"
    exit
  fi
done
command -v apt-get >/dev/null || {
  echo 'no Chromium, and no apt-get to install it with: the page will be tested in no browser'
  exit
}
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
$as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends chromium
