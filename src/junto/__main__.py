"""``python -m junto``: the ``junto`` command."""

import sys

from junto.cli import main

sys.exit(main())
