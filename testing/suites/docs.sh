#!/bin/bash
# What the documentation names: files and links exist, examples have scenes that play them
# order: 15
# limit: 120
set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Links, and files that are named in `code` with a folder of ours in front; NAME and ROOM stand for any.
# shellcheck disable=SC2016  # the backquotes are those of the pages
for page in README.md docs/*.md docs/scenes/*.md testing/lab/README.md; do
	missing=$({
		grep -oE '\]\([^)#:]+\)' "$page" | sed -e 's/^](//' -e 's/)$//' -e "s|^|$(dirname "$page")/|"
		grep -oE '`(charon-lite|swanctl-lite|libike|libxfrm|libvici|libbase|conf\.d|testing|docs)/[A-Za-z0-9_./-]*`' "$page" | tr -d '`' | grep -vE '(NAME|ROOM)'
	} | sort -u | while read -r file; do [ -e "$file" ] || echo "$file"; done)
	if [ -z "$missing" ]; then
		echo "passed $page: what it names exists"
	else
		echo "failed $page: names what does not exist: $(xargs <<<"$missing")"
	fi
done

# The examples of conf.d/NAME are those of a scene, which fails when it does not play them all; the scene "examples" plays
# conf.d/*.conf and what the pages have.
for folder in conf.d/*/; do
	name=$(basename "$folder")
	if [ -f "testing/lab/designs/$name" ] && [ -f "docs/scenes/$name.md" ]; then
		echo "passed conf.d/$name has a scene and a page"
	else
		echo "failed conf.d/$name has no scene of that name, or no page: nothing plays it"
	fi
done

# The suites that README names.
if difference=$(diff <(testing/run --list) <(sed -n '/^    lint  /,/^$/s/^    //p' README.md)); then
	echo "passed README.md: suites"
else
	echo "failed README.md: its suites differ from testing/run --list: $(grep '^[<>]' <<<"$difference" | xargs -d '\n')"
fi

# The table of VICI commands beside the daemon's own.
awk -F '|' '/^## / { on = /VICI commands/ } on && /^\| [a-z]/ && !/^\| command/ {
	count = split($2, names, /[ ,]+/)
	for (i = 1; i <= count; i++) if (names[i] != "") print names[i] }' docs/from-strongswan.md | sort >"$work/said"
sed -n 's/^\t{ "\([a-z-]*\)", cl_command_[a-z_]* },$/\1/p' charon-lite/control/command.c | sort >"$work/done"
if difference=$(diff "$work/said" "$work/done"); then
	echo "passed docs/from-strongswan.md: VICI commands"
else
	echo "failed docs/from-strongswan.md: VICI commands differ from charon-lite/control/command.c: $(grep '^[<>]' <<<"$difference" | xargs)"
fi
