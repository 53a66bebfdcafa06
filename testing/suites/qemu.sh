#!/bin/bash
# Debian's newest kernel, under QEMU: what User-Mode Linux has not got, xfrm interfaces above all
# order: 42
# trees: kernel strongswan-6.0.1
# limit: 400
exec testing/lab/run -s xfrm-interface charon-lite--charon-lite charon-lite--strongswan-6.0.1
