#!/bin/bash
# A real kernel, in User-Mode Linux: states, policies and events; addresses, routes and their changes
# order: 30
# limit: 200
testing/lab/boot -t 180 sh -c 'build/testing/unit/libxfrm/kernel-check
	code=$?
	build/testing/unit/charon-lite/network-check && exit $code'
code=$?
case $code in
125 | 127) echo "skipped all of it: no kernel to run it" ;;
*) exit $code ;;
esac
