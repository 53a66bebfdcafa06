#!/bin/bash
# Debian's newest kernel, under QEMU: what User-Mode Linux has not got, xfrm interfaces and per-CPU SAs above all
# order: 42
# trees: kernel strongswan-6.0.1
# limit: 460
ours=charon-lite--charon-lite
wanted=(-s "$ours--xfrm-interface" -s "$ours--per-cpu" -s charon-lite--strongswan-6.0.1--xfrm-interface)
pairs=("$ours" charon-lite--strongswan-6.0.1)
if [ "${CI-}" != true ]; then # CI has not the time for it
	wanted+=(-s charon-lite--strongswan-6.1.0--per-cpu -s "$ours--masquerade-nft")
	pairs+=(charon-lite--strongswan-6.1.0)
fi
exec testing/lab/run "${wanted[@]}" "${pairs[@]}"
