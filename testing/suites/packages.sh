#!/bin/bash
# Debian packages on fresh systems: built, installed, started, keyed with strongSwan, hung, upgraded, removed
# order: 46
# trees: build-trixie fresh-trixie strongswan-6.0.1 kernel
# limit: 900
set -u

# In CI one of Debian's releases; without it both, and the packages in the place of strongSwan's as well.
releases=(trixie bookworm) all=all
[ "${CI-}" != true ] || releases=(trixie) all=''

for release in "${releases[@]}"; do
	for tree in build-$release fresh-$release strongswan-6.0.1; do
		testing/lab/peers "$tree" >/dev/null || { echo "skipped Debian $release: no tree $tree"; continue 2; }
	done
	name="Debian $release" packages=build/lab-logs/packages-$release
	# The machine starts while its packages are built.
	mkdir -p build/lab-logs
	rm -rf "$packages"
	testing/lab/boot -t 700 testing/lab/fresh "$release" $all >"build/fresh-$release.log" 2>&1 &
	machine=$!
	# This one would not see files that come later.
	{
		until [ -e "$packages/ready" ]; do sleep 1; done
		testing/lab/boot -t 300 -k apparmor testing/lab/confined "$release"
	} >"build/confined-$release.log" 2>&1 &
	confined=$!
	if profile=$(testing/lab/packages "$release" apparmor_parser --skip-kernel-load --skip-cache charon-lite/packaging/apparmor 2>&1); then
		echo "passed $name: packages are built, the AppArmor profile is one"
		# That there is no script for other inits is a matter of Debian 12's lintian alone, 13's has no such tag to override.
		if findings=$(grep -E '^[EWIPXC]:' "$packages/lintian" | grep -v package-supports-alternative-init-but-no-init.d-script); then
			echo "failed $name: lintian: $(head -n 10 <<<"$findings" | paste -sd ';')"
		elif grep -qvE '^([EWIPXC]:|N:|$)' "$packages/lintian"; then
			echo "failed $name: lintian did not run: $(head -n 3 "$packages/lintian" | xargs)"
		else
			echo "passed $name: lintian has nothing to say"
		fi
	else
		echo "failed $name: building, or the AppArmor profile: $(grep -v '^Cache' <<<"$profile" | tail -n 5 | xargs)"
	fi
	echo "# packages of Debian $release after $SECONDS s"
	wait "$machine" || echo "failed $name: the machine ended with $?"
	wait "$confined" || echo "failed $name: the machine with AppArmor ended with $?"
	cat "build/fresh-$release.log" "build/confined-$release.log"
	echo "# Debian $release after $SECONDS s"
done
