#!/bin/sh
# `make book`, `make book-serve`: the handbook as a book with search, in target/book/html.
#
# The pages are those of docs/. Their links to files of the repository lead to copies, which a
# browser shows as text: `../src/raft/log.rs` becomes `source/src/raft/log.rs.txt`.
set -eu
cd "$(dirname -- "$0")/.."
book=target/book
pages=$book/pages

mdbook=$(command -v mdbook || echo target/tools/bin/mdbook)
if [ ! -x "$mdbook" ]; then
  echo 'mdbook is not installed: building it once, in target/tools (some minutes)' >&2
  ${CARGO:-cargo} install mdbook --version '^0.5' --locked --no-default-features \
    --features search,serve --root target/tools || {
    echo "make book: mdbook could not be installed. Is there a network? By hand:  cargo install mdbook" >&2
    exit 1
  }
fi

mkdir -p "$pages"
rm -rf "${pages:?}/source"
cp docs/book.toml "$book/book.toml"
cp -R docs/drawings "$pages/"
for page in docs/*.md; do
  sed 's|](\.\./\([^)#]*\)\(#[^)]*\)*)|](source/\1.txt)|g; s|\.md\.txt)|.txt)|g' "$page" >"$pages/${page#docs/}"
done
grep -oh '](\.\./[^)#]*' docs/*.md | sed 's|](\.\./||' | LC_ALL=C sort -u | while IFS= read -r file; do
  mkdir -p "$pages/source/$(dirname -- "$file")"
  copy=$pages/source/${file%.md}.txt
  if [ -d "$file" ]; then ls "$file" >"$copy"; else cp -- "$file" "$copy"; fi
done

case ${1-} in
serve) exec "$mdbook" serve "$book" ;;
*)
  "$mdbook" build "$book"
  echo "the book is in $book/html/index.html"
  ;;
esac
