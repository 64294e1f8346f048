"""``python -m junto.sim``: the same as ``junto sim``."""

import sys

from junto.cli import main

sys.exit(main(["sim", *sys.argv[1:]]))
