#!/bin/bash
# Rules of the house that a machine can check
# order: 5
# limit: 120
set -u

# rule NAME EXPLANATION, offenders on standard input
rule() {
	local offenders
	offenders=$(cat)
	if [ -z "$offenders" ]; then
		echo "passed $1"
	else
		sed 's/^/    /' <<<"$offenders" | head -n 20
		echo "failed $1: $2"
	fi
}
# sources FOLDER...: its C files
sources() { find "$@" -name '*.[ch]' 2>/dev/null | sort; }
# forbid NAME EXPLANATION PATTERN FOLDER...: an extended regular expression that no line may match
forbid() {
	local name=$1 why=$2 pattern=$3
	shift 3
	sources "$@" | xargs -r grep -nE "$pattern" | rule "$name" "$why"
}
# arrow ROOM ALLOWED...: the room includes nothing of other rooms
arrow() {
	local room=$1 others
	others=$(printf '%s\n' libbase libike libxfrm libvici charon-lite swanctl-lite | grep -vxF "$(printf '%s\n' "$@")" | paste -sd '|')
	forbid "arrow-$room" "includes from a room that it must not know" "^#include \"($others)/" "$room"
}

ours=(libbase libike libxfrm libvici charon-lite swanctl-lite)

{
	grep -rlIE --exclude-dir=.git --exclude-dir='build*' '^#!/bin/(ba)?sh' . |
		xargs -r shellcheck --severity=warning --external-sources --source-path=.
	# The words of scenes come from the file that reads them.
	find testing/lab/scenes -type f -print0 |
		xargs -0 -r shellcheck --severity=warning --shell=bash --exclude=SC2154,SC2034
} |
	rule shellcheck "shell scripts with findings"
case $(clang-format --version) in
*' 14.'*)
	sources "${ours[@]}" testing | xargs -r clang-format --dry-run 2>&1 | grep -E 'warning:' | cut -d : -f 1 | uniq -c |
		rule format "run clang-format -i"
	;;
*) echo "The format is defined by clang-format 14; not checked with $(clang-format --version)" ;;
esac

forbid secret-compare "secrets are compared by secret_equal, in constant time" 'memcmp *\([^)]*(secret|psk|_key|auth|icv|mac)' "${ours[@]}"
forbid libike-clock "time is a parameter of every call into libike" '\b(time|clock_gettime|gettimeofday)\(' libike
forbid libike-io "libike does no I/O" '\b(socket|open|fopen|sendto|recvfrom|printf|getenv)\(' libike
forbid libike-random "libike's random source is its host's" '\b(rand|random|arc4random|getrandom)\(' libike
forbid unsafe-string "no unbounded copies" '\b(strcpy|strcat|sprintf|gets|alloca)\(' "${ours[@]}"
forbid unfinished "no unfinished work" '\b(TODO|FIXME|XXX)\b' "${ours[@]}"
forbid typedef "plain structs without typedef" '^typedef (struct|enum|union)[^(]*$' "${ours[@]}"
arrow libbase
arrow libvici libbase
arrow libxfrm libbase
arrow libike libbase
arrow swanctl-lite libvici libbase
for room in "${ours[@]}"; do
	sources "$room" | xargs -r wc -l | awk '$2 != "total" && $1 > 800 { print $1, $2 }'
done | rule file-length "a file is one subject: at most 800 lines"
