#!/bin/bash
# libxfrm on a real kernel: states, policies and events in User-Mode Linux
# order: 30
# limit: 200
testing/lab/boot -t 180 build/testing/unit/libxfrm/kernel-check
code=$?
case $code in
125 | 127) echo "skipped all of it: no kernel to run it" ;;
*) exit $code ;;
esac
