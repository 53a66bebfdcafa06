#!/bin/bash
# The lab: charon-lite with charon-lite under a kernel with ESP, every scene
# order: 40
# limit: 900
exec testing/lab/run charon-lite--charon-lite
