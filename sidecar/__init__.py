"""How it runs: engines that make pictures, jobs that survive, and the gRPC services and command line in front."""

import os
import sys

# `python -m sidecar.cli` puts the current folder first on the import path; argv[0] is "-m" while the module is looked for.
# Whatever lies there must not be imported, unless the folder is the checkout that this code comes from.
if (
    sys.argv[:1] == ["-m"]
    and not sys.flags.safe_path
    and any(word.startswith("sidecar.") for word in sys.orig_argv)
    and os.path.realpath(sys.path[0]) != os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
):
    del sys.path[0]
