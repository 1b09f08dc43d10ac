#!/bin/sh
# Writes a student's project: all that starter/files.txt gives, the skeleton in starter/src, the
# pages in starter/docs, and a workflow for a forge. Pages of the handbook go through edition.awk.
#
#   DIR=../my-raft starter/export.sh             into a new or empty directory
#   DIR=../my-raft UPDATE=1 starter/export.sh    brings a newer harness to such a project
#   starter/export.sh --decide                   for each file here: given, kept, or undecided
#
# An update replaces what was given and leaves the rest alone: of src/raft only the three given
# files are replaced. Given files that the student has changed are kept beside the new ones, as
# NAME.yours; .raft-lab in the project has the checksums that tell. Nothing else is deleted
# but what was given, is unchanged, and is given no longer.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
marker=.raft-lab

fail() {
  printf 'make starter: %s\n' "$*" >&2
  exit 2
}

# The files of this repository: those that git knows or would add, or simply all.
list_files() {
  cd "$root"
  if [ -e .git ] && git ls-files --cached --others --exclude-standard 2>/dev/null; then
    return
  fi
  find . -name target -prune -o -name .git -prune -o -type f -print | sed 's|^\./||'
}

# A line "give PATH", "keep PATH" or "undecided PATH" for each file.
decide() {
  list_files | LC_ALL=C sort -u | awk '
    FILENAME != "-" { if ($1 == "give" || $1 == "keep") rule[$2] = $1; next }
    {
      verdict = rule[$0] ? rule[$0] : "undecided"
      for (path = $0; verdict == "undecided" && sub(/[^\/]*\/?$/, "", path);)
        if (rule[path]) verdict = rule[path]
        else if (path == "") break
      print verdict, $0
    }' "$root/starter/files.txt" -
}

if [ "${1-}" = --decide ]; then
  decide
  exit
fi

# ---- where to ------------------------------------------------------------------------------

dir=${DIR-}
[ -n "$dir" ] || fail "where to?  make starter DIR=../my-raft"
case $dir in
/*) ;;
*) dir=$PWD/$dir ;;
esac

# The real path of what is there already, which links may hide.
there=$dir
while [ ! -e "$there" ]; do there=$(dirname -- "$there"); done
[ -d "$there" ] || fail "'$there' is not a directory"
there=$(CDPATH= cd -- "$there" && pwd -P)
case $there/ in
"$root"/*) fail "'$DIR' lies inside this repository; take a place outside:  DIR=../my-raft" ;;
esac

if [ -n "${UPDATE-}" ]; then
  [ -f "$dir/$marker" ] || fail "nothing to update in '$DIR': it has no $marker, which" \
    "'make starter' writes. For a new project leave UPDATE away."
elif [ -d "$dir" ] && [ -n "$(ls -A -- "$dir")" ]; then
  if [ -f "$dir/$marker" ]; then
    fail "'$DIR' is a project already; a newer harness for it:  make starter DIR='$DIR' UPDATE=1"
  fi
  fail "'$DIR' is not empty; take a new directory"
fi

# ---- writing it ----------------------------------------------------------------------------

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
fresh=$work/fresh
mkdir -p -- "$fresh"
mkdir -p -- "$dir" 2>"$work/error" ||
  fail "cannot make the directory '$DIR': $(sed 's/.*: //' "$work/error")"
dir=$(CDPATH= cd -- "$dir" && pwd -P)

# What is given, as it is to be.
decide | sed -n 's/^give //p' >"$work/given"
while IFS= read -r file; do
  [ -f "$root/$file" ] || continue # deleted here, and not committed yet
  mkdir -p -- "$fresh/$(dirname -- "$file")"
  case $file in
  docs/*.md) awk -f "$root/starter/edition.awk" "$root/$file" >"$fresh/$file" ;;
  *) cp -- "$root/$file" "$fresh/$file" ;;
  esac
done <"$work/given"
for page in README.md docs/part-a.md docs/part-b.md docs/part-c.md docs/part-d.md; do
  awk -f "$root/starter/edition.awk" "$root/starter/$page" >"$fresh/$page"
done
mkdir -p -- "$fresh/.github/workflows"
cp -- "$root/starter/.github/workflows/lab.yml" "$fresh/.github/workflows/lab.yml"
# Its own workspace, whatever directory it lies in; none of the tools, nor tests that are kept.
awk -v fresh="$fresh" '
  function flush() {
    if (kind == "[[test]]" && path == "") path = "tests/" name ".rs"
    gone = path != "" && (getline ignored < (fresh "/" path)) < 0
    if (!gone) printf "%s", table
    table = kind = path = name = ""
  }
  /^# The tools/ { next }
  /^#/ { comment = comment $0 "\n"; next } # it belongs to what follows
  /^\[/ { flush(); kind = $1 }
  /^members = / { sub(/, "tools"/, ""); sub(/, "grading"/, "") }
  /^path = / { path = $3; gsub(/"/, "", path) }
  /^name = / { name = $3; gsub(/"/, "", name) }
  { table = table comment $0 "\n"; comment = "" }
  END { flush() }' "$root/Cargo.toml" >"$fresh/Cargo.toml"

# And no lock of what they alone need, so that the first build changes nothing. If cargo cannot tell
# now, that build does it.
(cd "$fresh" && cp -R -- "$root/starter/src/." src/ &&
  "${CARGO:-cargo}" metadata --offline --format-version 1 >/dev/null 2>&1 || true)
(cd "$root/starter/src" && find . -type f) | while IFS= read -r file; do rm -- "$fresh/src/$file"; done

checksum() {
  cksum <"$1"
}

# What an earlier export has written: "CHECKSUM SIZE PATH" for each file.
: >"$work/news"
: >"$work/earlier"
[ ! -f "$dir/$marker" ] || sed '/^#/d' "$dir/$marker" >"$work/earlier"
earlier_checksum() {
  awk -v path="$1" '{ sum = $1 " " $2; sub(/^[^ ]* [^ ]* /, "") } $0 == path { print sum }' \
    "$work/earlier"
}

# What src/raft begins with; its author goes on from there, so an update only tells of it.
skeleton=$(cd "$root/starter/src" && find . -type f -print | LC_ALL=C sort | xargs cat | cksum)
was_skeleton=$([ ! -f "$dir/$marker" ] || sed -n 's/^# skeleton //p' "$dir/$marker")
was_version=$([ ! -f "$dir/$marker" ] || sed -n '1s/.*version \([^ ]*\)\. .*/\1/p' "$dir/$marker")
(cd "$fresh" && find . -type f -print | sed 's|^\./||' | LC_ALL=C sort) >"$work/files"
version=$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)
{
  echo "# The Raft lab, version $version. Written by 'make starter', which updates this project by it."
  echo "# skeleton $skeleton"
  while IFS= read -r file; do
    echo "$(checksum "$fresh/$file") $file"
  done <"$work/files"
} >"$work/marker"

while IFS= read -r file; do
  mkdir -p -- "$dir/$(dirname -- "$file")"
  if [ -e "$dir/$file" ]; then
    cmp -s -- "$fresh/$file" "$dir/$file" && continue
    # Cargo rewrites the lock file itself; there is nothing of the student's in it.
    if [ "$file" != Cargo.lock ] &&
      [ "$(checksum "$dir/$file")" != "$(earlier_checksum "$file")" ]; then
      mv -- "$dir/$file" "$dir/$file.yours"
      echo "  you had changed $file: yours is now $file.yours"
    fi
    echo "changed $file" >>"$work/news"
  elif [ -n "${UPDATE-}" ]; then
    echo "new     $file" >>"$work/news"
  fi
  cp -- "$fresh/$file" "$dir/$file"
done <"$work/files"

# What was given once, and is no longer.
sed 's/^[^ ]* [^ ]* //' "$work/earlier" | while IFS= read -r file; do
  if [ ! -e "$fresh/$file" ] && [ -e "$dir/$file" ]; then
    if [ "$(checksum "$dir/$file")" = "$(earlier_checksum "$file")" ]; then
      rm -- "$dir/$file"
      echo "gone    $file" >>"$work/news"
    else
      echo "  $file is not part of the lab any more; you had changed it, so it stays"
    fi
  fi
done

if [ -z "${UPDATE-}" ]; then
  cp -R -- "$root/starter/src/." "$dir/src/"
fi
cp -- "$work/marker" "$dir/$marker"

if [ -n "${UPDATE-}" ]; then
  if [ ! -s "$work/news" ]; then
    echo "  nothing is newer"
  fi
  sed -n 's/^/  /; 1,30p' "$work/news"
  count=$(wc -l <"$work/news")
  [ "$count" -le 30 ] || echo "  and $((count - 30)) files more"
  if [ -n "$was_skeleton" ] && [ "$was_skeleton" != "$skeleton" ]; then
    echo "  The skeleton is newer than the one that you began with. What is new in it, in the lab's"
    echo "  repository:  git diff ${was_version%-dirty} -- starter/src"
  fi
  echo "'$DIR' has the harness of version $version now. Your src/raft is as it was, but for the"
  echo "given rpc.rs, persister.rs and view.rs. See what has changed:  git diff"
else
  echo "'$DIR' is a project of its own now (version $version). Next:"
  echo "  cd '$DIR' && git init && make progress      and read README.md"
fi
