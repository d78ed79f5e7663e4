#!/usr/bin/env bash
# usage: tests/sum-up.sh FOLDER PROGRAM...
# Adds up FOLDER/PROGRAM.xml (xUnit's own account of a run) and FOLDER/PROGRAM.exit (the exit code of that run).
# Prints one line for each program, then the failed tests with the beginning of what they say, then "N passed, N failed"
# as the last line. Exit code 0 only if all is well: a test program that crashed, hung, left no account or ran no test
# counts as one failure, and a skipped test is not a pass.
set -euo pipefail

folder=$1
shift
passed=0 failed=0 skipped=0

number() { # number NAME ELEMENT: the attribute as digits, or nothing
  sed -n "s/.* $1=\"\([0-9][0-9]*\)\".*/\1/p" <<<"$2"
}

# The failed tests of an account, and the errors outside of tests: two spaces and the name, then at most two lines of the
# message after four spaces. The account may have any number of tests on a line, and a message may span lines.
failures() { # failures FILE
  awk -v RS='<(test|error) ' '
    NR > 1 {
      head = substr($0, 1, index($0, ">"))
      if (head !~ / result="Fail"/ && head !~ /^type="/) next
      print "  " (match(head, / name="[^"]*"/) ? plain(substr(head, RSTART + 7, RLENGTH - 8)) : "an error outside of the tests")
      if (!(start = index($0, "<message>"))) next
      message = substr($0, start + 9)
      message = substr(message, 1, index(message, "</message>") - 1)
      if (sub(/^<!\[CDATA\[/, "", message)) sub(/\]\]>$/, "", message)
      else message = plain(message)
      count = split(message, lines, /[\r\n]+/)
      shown = 0
      for (i = 1; i <= count && shown < 2; i++) if (lines[i] ~ /[^ \t]/) { print "    " lines[i]; shown++ }
    }
    function plain(text) {
      gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text)
      gsub(/&#x[0-9A-Fa-f]+;/, " ", text); gsub(/&amp;/, "\\&", text)
      return text
    }' "$1"
}

print_failures() { # print_failures PROGRAM...: at most 20 tests, lines of at most 300 characters
  local tests=0 line LC_ALL=C.UTF-8
  while IFS= read -r line; do
    case "$line" in '    '*) ;; *) tests=$((tests + 1)) ;; esac
    if [ "$tests" -le 20 ]; then printf '%s\n' "${line:0:300}"; fi
  done < <(for program in "$@"; do [ ! -f "$folder/$program.xml" ] || failures "$folder/$program.xml"; done)
  if [ "$tests" -gt 20 ]; then echo "  and $((tests - 20)) more"; fi
}

for program in "$@"; do
  account="" complaint=""
  code=$(cat "$folder/$program.exit" 2>/dev/null || echo none)
  [ ! -f "$folder/$program.xml" ] || account=$(grep -o -m 1 '<assembly [^>]*>' "$folder/$program.xml" | head -n 1 || true)
  # An account that breaks off in the middle is none.
  if [ -n "$account" ] && ! tail -c 200 "$folder/$program.xml" | grep -q '</assemblies>'; then account=""; fi
  p=$(number passed "$account") f=$(number failed "$account") s=$(number skipped "$account")
  e=$(number errors "$account") n=$(number not-run "$account") t=$(number total "$account")

  if [ -z "$p" ] || [ -z "$f" ] || [ -z "$s" ] || [ -z "$e" ] || [ -z "$n" ] || [ -z "$t" ]; then
    p=0 f=1 s=0
    case "$code" in
      124 | 137) complaint="did not end in time" ;;
      *) complaint="left no account of its run (exit code $code)" ;;
    esac
  else
    s=$((s + n)) f=$((f + e))
    if [ "$t" -eq 0 ] && [ -z "${SOME_MAY_BE_EMPTY:-}" ] && [ "$f" -eq 0 ]; then f=1 complaint="ran no test"
    elif [ "$code" != 0 ] && [ "$f" -eq 0 ]; then f=1 complaint="ended with exit code $code"
    elif [ $((p + f + s - e)) -ne "$t" ] && [ "$t" -ne 0 ]; then f=$((f + 1)) complaint="its numbers do not add up"
    fi
  fi
  printf '%s: %s passed, %s failed, %s skipped%s\n' "$program" "$p" "$f" "$s" "${complaint:+ ($complaint)}"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

if [ $((passed + failed + skipped)) -eq 0 ]; then
  echo "no test ran at all"
  failed=1
fi
if [ "$failed" -gt 0 ]; then print_failures "$@"; fi
if [ "$skipped" -gt 0 ]; then
  echo "a skipped test does not count here: make it run or delete it"
  echo "$passed passed, $failed failed, $skipped skipped"
  exit 1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
