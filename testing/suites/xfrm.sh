#!/bin/bash
# libxfrm against a real kernel: every algorithm, mode and request
# order: 40
# limit: 300
exec testing/lab/boot -t 280 build/testing/unit/libxfrm/kernel-check
