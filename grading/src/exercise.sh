# Is this the rule that is broken?  sh exercise.sh vote-once
# The seal has a hash of the answer, and not the answer.
set -eu
cd -- "$(dirname -- "$0")"
answer=${1-}
[ -n "$answer" ] || {
  echo "which rule?  make exercise-check ANSWER=vote-once; EXERCISE.md lists them"
  exit 2
}
grep -q "^| \`$answer\` |" EXERCISE.md || {
  echo "there is no rule '$answer'; EXERCISE.md lists them:  make exercise-check ANSWER=vote-once"
  exit 2
}
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
hash=$(sed -n 's/^salt //p' exercise.seal):$answer
round=0
while [ $round -lt 300 ]; do
  hash=$(printf %s "$hash" | $sum)
  hash=${hash%% *}
  round=$((round + 1))
done
if grep -q "^right $hash$" exercise.seal; then
  echo "$answer: right, that is the rule."
elif grep -q "^beside $hash$" exercise.seal; then
  echo "$answer: near. The broken rule stands beside it; look once more."
  exit 1
else
  echo "$answer: no, that rule is kept."
  exit 1
fi
